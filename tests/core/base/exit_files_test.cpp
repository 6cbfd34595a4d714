#include "core/base/exit_files.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "core/base/fd.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::TemporaryDirectory;

class ExitFiles : public testing::Test {
 protected:
  static void write(const std::string& path) { std::ofstream(path) << "something"; }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "file";
};

TEST_F(ExitFiles, GoWhenTheProcessExits) {
  Child child([this]() -> int {
    write(path_);
    const ExitFile file(path_);
    std::exit(0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ExitFiles, ThatOthersNeedGoWithTheLastOfThem) {
  write(path_);
  Child first([this]() -> int {
    const Fd mine(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    const ExitFile file(path_, mine.get());
    const Fd other(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (::flock(mine.get(), LOCK_SH) != 0 || ::flock(other.get(), LOCK_SH) != 0) return 1;
    remove_exit_files();
    return std::filesystem::exists(path_) ? 0 : 2;
  });
  EXPECT_EQ(first.wait(), 0);
  Child last([this]() -> int {
    const Fd mine(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    const ExitFile file(path_, mine.get());
    if (::flock(mine.get(), LOCK_SH) != 0) return 1;
    remove_exit_files();
    return std::filesystem::exists(path_) ? 2 : 0;
  });
  EXPECT_EQ(last.wait(), 0);
}

TEST_F(ExitFiles, StayWhenTheyHaveBeenForgotten) {
  Child child([this]() -> int {
    write(path_);
    std::optional<ExitFile> file(path_);
    file.reset();
    std::exit(0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ExitFiles, StayWhenAnotherIsThereByThen) {
  Child child([this]() -> int {
    write(path_);
    const ExitFile file(path_);
    std::filesystem::rename(path_, directory_ / "elsewhere");
    write(path_);
    std::exit(0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ExitFiles, GoAtOnceWhereTheyAreMadeWhileTheProcessExits) {
  Child child([this]() -> int {
    write(path_);
    const ExitFile file(path_);
    remove_exit_files();
    write(path_);
    const ExitFile late(path_);
    return std::filesystem::exists(path_) ? 1 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(ExitFiles, OfAProcessAreNotItsChildrens) {
  Child parent([this]() -> int {
    write(path_);
    auto file = std::make_unique<ExitFile>(path_);
    Child child([&]() -> int {
      file.reset();
      std::exit(0);
    });
    const bool stays = child.wait() == 0 && std::filesystem::exists(path_);
    remove_exit_files();
    return stays && !std::filesystem::exists(path_) ? 0 : 1;
  });
  EXPECT_EQ(parent.wait(), 0);
}

TEST_F(ExitFiles, OfAChildGoWithIt) {
  write(directory_ / "parents");
  const ExitFile parents(directory_ / "parents");
  Child child([this]() -> int {
    write(path_);
    const ExitFile file(path_);
    std::exit(0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "parents"));
}

TEST_F(ExitFiles, AreAsManyAsFit) {
  const std::string long_path = directory_ / std::string(200, 'x');
  Child child([&]() -> int {
    write(long_path);
    const ExitFile too_long(long_path);
    std::exit(0);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(std::filesystem::exists(long_path));
}

}  // namespace
}  // namespace ipcbridge
