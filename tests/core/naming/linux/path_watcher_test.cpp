#include "core/naming/path_watcher.hpp"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/naming/path_watcher_fixture.hpp"
#include "tests/core/support/faulty_system.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::fail_with;
using testing_support::FaultySystem;
using testing_support::is_readable;
using testing_support::PathWatchers;

std::size_t watches_of(const PathWatcher& watcher) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(watcher.events_fd()));
  std::size_t count = 0;
  for (std::string line; std::getline(info, line);) count += line.starts_with("inotify wd:") ? 1U : 0U;
  return count;
}

TEST_F(PathWatchers, AWatchEndsWithItsOwnerAndNotWithAnother) {
  auto first =
      std::make_unique<PathWatcher::Watch>(*watcher_, std::vector<std::string>{file_}, std::vector<std::string>{});
  const std::size_t watches = watches_of(*watcher_);
  ASSERT_GT(watches, 0U);
  {
    const PathWatcher::Watch second(*watcher_, {file_}, {});
    EXPECT_EQ(watches_of(*watcher_), watches);
    first.reset();
    EXPECT_EQ(watches_of(*watcher_), watches);
  }
  EXPECT_EQ(watches_of(*watcher_), 0U);
  EXPECT_FALSE(noticed(*watcher_)) << "the end of a watch is no change";
}

TEST_F(PathWatchers, WhatCannotBeWatchedIsTold) {
  watcher_.reset();
  FaultySystem system;
  system.on_inotify_init = fail_with(EMFILE);
  PathWatcher without(system, [] {});
  EXPECT_LT(without.events_fd(), 0);
  EXPECT_FALSE(PathWatcher::Watch(without, {file_}, {}).complete());
  FaultySystem full;
  full.on_inotify_add_watch = fail_with(ENOSPC, 1);
  PathWatcher some(full, [] {});
  EXPECT_GE(some.events_fd(), 0);
  EXPECT_FALSE(PathWatcher::Watch(some, {file_}, {}).complete());
  EXPECT_TRUE(PathWatcher::Watch(some, {file_}, {}).complete());
  EXPECT_FALSE(PathWatcher::Watch(some, {directory_ / "missing"}, {}).complete());
}

TEST_F(PathWatchers, AMountIsAnEdgeThatNestedPollsDoNotLose) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount";
  watcher_.reset();
  Child child([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 2;
    PathWatcher watcher(System::real(), [] {});
    const Fd driver(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    ::epoll_ctl(driver.get(), EPOLL_CTL_ADD, watcher.mounts_fd(), &event);
    if (::epoll_wait(driver.get(), &event, 1, 0) != 1) return 3;  // readable from the start
    if (is_readable(driver.get())) return 4;
    if (::mount("none", (directory_ / "a").c_str(), "tmpfs", 0, nullptr) != 0) return 5;
    for (int i = 0; i < 3; ++i) {
      if (!is_readable(driver.get())) return 6;  // as an event loop asks, whose own poll set the Driver's is in
    }
    return ::epoll_wait(driver.get(), &event, 1, 0) == 1 && !is_readable(driver.get()) ? 0 : 7;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace ipcbridge
