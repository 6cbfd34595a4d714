#include "core/naming/path_watcher.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/naming/path_watcher_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::is_readable;
using testing_support::make_file;
using testing_support::PathWatchers;

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

}  // namespace
}  // namespace ipcbridge
