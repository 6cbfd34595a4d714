#include "core/base/exit_files.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

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
