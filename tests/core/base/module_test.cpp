#include "core/base/module.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

TEST(Modules, AreKnownByTheirFiles) {
  EXPECT_EQ(module_names(), (std::vector<std::string>{"greeting", "greeting_of_tomorrow", "no_module"}));
}

TEST(Modules, MakeWhatTheyAreFor) {
  const Result<const ModuleEntry*> opened = open_module("greeting");
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_STREQ(*static_cast<const char**>(opened.value()->make()), "hello");
  EXPECT_EQ(open_module("greeting").value(), opened.value()) << "it is opened once";
}

void expect_refused(std::string_view name, Code code, std::string_view why) {
  const Result<const ModuleEntry*> opened = open_module(name);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, code);
  EXPECT_NE(opened.error().message.find(why), std::string::npos) << opened.error().message;
}

TEST(Modules, ThatAreNotInstalledAreToldByTheirNames) {
  expect_refused("teleport", Code::kUnimplemented, "comes without teleport: there is no " + modules_directory());
}

TEST(Modules, OfAnotherVersionAreRefused) {
  expect_refused("greeting_of_tomorrow", Code::kFailedPrecondition, "is of ipcbridge 999.0.0, and this is");
}

TEST(Modules, ThatAreNoneAreRefused) {
  expect_refused("no_module", Code::kFailedPrecondition, "is no module of ipcbridge's: install ipcbridge again");
}

TEST(Modules, ThatAreDamagedAreRefused) {
  const std::filesystem::path file = std::filesystem::path(modules_directory()) / "damaged.so";
  std::ofstream(file) << "damaged";
  expect_refused("damaged", Code::kFailedPrecondition, "install ipcbridge again");
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace ipcbridge
