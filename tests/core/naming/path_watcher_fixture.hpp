#pragma once

#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "core/naming/path_watcher.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::testing_support {

inline void make_file(const std::string& path) { std::ofstream(path) << "x"; }

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

}  // namespace ipcbridge::testing_support
