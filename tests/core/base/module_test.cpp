#include "core/base/module.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/modules/greeting.hpp"
#include "tests/core/support/broken_modules.hpp"

namespace ipcbridge {
namespace {

using testing_support::broken_modules;

TEST(Modules, AreKnownByTheirFiles) {
  EXPECT_EQ(module_names(), std::vector<std::string>{"greeting"});
  EXPECT_EQ(module_names(broken_modules()),
            (std::vector<std::string>{"damaged", "greeting_of_another_abi", "greeting_of_tomorrow", "no_module"}));
}

TEST(Modules, GiveATableOfFunctions) {
  const Result<const ModuleTable*> opened = open_module("greeting");
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const auto* functions = static_cast<const testing_support::GreetingFunctions*>(opened.value()->functions);
  EXPECT_STREQ(functions->greet(), "hello");
  EXPECT_EQ(open_module("greeting").value(), opened.value()) << "it is opened once";
}

// The sentence says why, and what to install.
void expect_refused(std::string_view name, const std::string& why) {
  const Result<const ModuleTable*> opened = open_module(name, broken_modules());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::kFailedPrecondition);
  EXPECT_NE(opened.error().message.find(why), std::string::npos) << opened.error().message;
  EXPECT_TRUE(opened.error().message.ends_with(": install ipcbridge again")) << opened.error().message;
}

TEST(Modules, ThatAreNotInstalledAreToldByTheirNames) {
  expect_refused("teleport", "comes without teleport: there is no " + broken_modules() + "/teleport.so");
}

TEST(Modules, OfAnotherAbiAreRefusedWhateverTheirVersion) {
  expect_refused("greeting_of_another_abi", "has ABI 999, and this ipcbridge has " + std::to_string(kModuleAbi));
}

TEST(Modules, OfAnotherVersionAreRefused) {
  expect_refused("greeting_of_tomorrow", "is of ipcbridge 999.0.0, and this is " IPCBRIDGE_VERSION);
}

TEST(Modules, ThatAreNoneAreRefused) { expect_refused("no_module", "is no module of ipcbridge's"); }

TEST(Modules, ThatAreDamagedAreRefused) { expect_refused("damaged", broken_modules() + "/damaged.so"); }

}  // namespace
}  // namespace ipcbridge
