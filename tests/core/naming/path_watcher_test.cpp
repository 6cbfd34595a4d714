#include "core/naming/path_watcher.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::fail_with;
using testing_support::FaultySystem;
using testing_support::is_readable;
using testing_support::TemporaryDirectory;

void make_file(const std::string& path) { std::ofstream(path) << "x"; }

std::size_t watches_of(const PathWatcher& watcher) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(watcher.events_fd()));
  std::size_t count = 0;
  for (std::string line; std::getline(info, line);) count += line.starts_with("inotify wd:") ? 1U : 0U;
  return count;
}

class PathWatchers : public testing::Test {
 protected:
  PathWatchers() {
    EXPECT_EQ(::mkdir((directory_ / "a").c_str(), 0700), 0);
    EXPECT_EQ(::mkdir((directory_ / "a/b").c_str(), 0700), 0);
    make_file(file_);
  }

  // What the poller of a Driver does.
  static bool noticed(PathWatcher& watcher) {
    if (is_readable(watcher.events_fd())) watcher.on_events();
    return watcher.take_change();
  }

  TemporaryDirectory directory_;
  std::string file_ = directory_ / "a/b/calc.sock";
  int wakes_ = 0;
  std::unique_ptr<PathWatcher> watcher_ = std::make_unique<PathWatcher>(System::real(), [this] { ++wakes_; });
};

TEST_F(PathWatchers, AFileThatIsRemovedWhileItIsOpenIsNoticed) {
  const PathWatcher::Watch watch(*watcher_, {file_}, {});
  ASSERT_TRUE(watch.complete());
  const Fd open(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(noticed(*watcher_));
  ASSERT_EQ(::unlink(file_.c_str()), 0);
  EXPECT_TRUE(noticed(*watcher_));
  EXPECT_FALSE(noticed(*watcher_)) << "it is told once";
}

TEST_F(PathWatchers, AFileThatIsReplacedIsNoticed) {
  const PathWatcher::Watch watch(*watcher_, {file_}, {});
  const Fd open(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  make_file(directory_ / "other");
  ASSERT_EQ(std::rename((directory_ / "other").c_str(), file_.c_str()), 0);
  EXPECT_TRUE(noticed(*watcher_));
}

TEST_F(PathWatchers, ADirectoryAboveThatIsRenamedIsNoticed) {
  const PathWatcher::Watch watch(*watcher_, {file_}, {});
  ASSERT_EQ(std::rename((directory_ / "a").c_str(), (directory_ / "z").c_str()), 0);
  EXPECT_TRUE(noticed(*watcher_));
}

TEST_F(PathWatchers, WhatElseHappensInTheDirectoryWakesNobody) {
  const PathWatcher::Watch watch(*watcher_, {file_}, {});
  make_file(directory_ / "a/b/other");
  ASSERT_EQ(::unlink((directory_ / "a/b/other").c_str()), 0);
  EXPECT_FALSE(is_readable(watcher_->events_fd()));
}

TEST_F(PathWatchers, InAListedDirectoryEveryFileCounts) {
  const PathWatcher::Watch watch(*watcher_, {}, {directory_.path()});
  ASSERT_EQ(::mkdir((directory_ / "1000").c_str(), 0700), 0);
  EXPECT_TRUE(noticed(*watcher_));
  ASSERT_EQ(::rmdir((directory_ / "1000").c_str()), 0);
  EXPECT_TRUE(noticed(*watcher_));
}

TEST_F(PathWatchers, TheWatchersOfAProcessShareOneInstanceAndAllHear) {
  int others = 0;
  PathWatcher other(System::real(), [&others] { ++others; });
  EXPECT_EQ(other.events_fd(), watcher_->events_fd());
  const PathWatcher::Watch watch(other, {file_}, {});
  ASSERT_EQ(::unlink(file_.c_str()), 0);
  watcher_->on_events();  // which has nothing to do with that file
  EXPECT_EQ(others, 1);
  EXPECT_EQ(wakes_, 0) << "who reads is awake";
  EXPECT_TRUE(other.take_change());
  EXPECT_TRUE(watcher_->take_change());
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

TEST_F(PathWatchers, AForkedChildHasItsOwn) {
  const PathWatcher::Watch watch(*watcher_, {file_}, {});
  Child child([&] {
    PathWatcher own(System::real(), [] {});
    const PathWatcher::Watch watched(own, {file_}, {});
    make_file(directory_ / "other");
    if (!watched.complete() || std::rename((directory_ / "other").c_str(), file_.c_str()) != 0) return 1;
    return noticed(own) ? 0 : 2;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(noticed(*watcher_)) << "and has not taken the parent's event";
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
