#include "core/base/module.hpp"

#include <unistd.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/modules/greeting.hpp"
#include "tests/core/support/broken_modules.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::broken_modules;

TEST(Modules, AreKnownByTheirFiles) {
  EXPECT_EQ(module_names().value(), std::vector<std::string>{"greeting"});
  EXPECT_EQ(module_names(broken_modules()).value(),
            (std::vector<std::string>{"damaged", "greeting_of_another_abi", "greeting_of_tomorrow", "no_module"}));
}

TEST(Modules, AreNoneInAFolderThatIsMissing) { EXPECT_TRUE(module_names("/nowhere/modules").value().empty()); }

TEST(Modules, AreNotListedWhereTheyCannotBe) {
  const std::string file = broken_modules() + "/damaged.so";
  const Result<std::vector<std::string>> names = module_names(file);
  ASSERT_FALSE(names.ok());
  EXPECT_EQ(names.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(names.error().message, "the modules in " + file + " cannot be listed: Not a directory");
}

TEST(Modules, GiveATableOfFunctions) {
  const Result<const ModuleTable*> opened = open_module("greeting");
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const auto* functions = static_cast<const testing_support::GreetingFunctions*>(opened.value()->functions);
  EXPECT_STREQ(functions->greet(), "hello");
  EXPECT_EQ(open_module("greeting").value(), opened.value()) << "it is opened once";
}

void expect_refused(std::string_view name, const std::string& why) {
  const Result<const ModuleTable*> opened = load_module(name, broken_modules());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::kFailedPrecondition);
  EXPECT_NE(opened.error().message.find(why), std::string::npos) << opened.error().message;
}

TEST(Modules, ThatAreNotInstalledAreToldByTheirNames) {
  expect_refused("teleport", "comes without teleport: there is no " + broken_modules() + "/teleport.so");
}

TEST(Modules, ThatCannotBeOpenedComeWithWhatToInstall) {
  const Result<const ModuleTable*> opened = open_module("teleport");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(opened.error().message, "this ipcbridge comes without teleport: there is no " + modules_directory() +
                                        "/teleport.so: install ipcbridge again");
}

TEST(Modules, ThatMayNotBeReadAreNotTakenForMissing) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  const testing_support::TemporaryDirectory closed;
  testing_support::Child child([&] {
    if (!testing_support::become_nobody()) return 2;
    const Result<std::vector<std::string>> names = module_names(closed.path());
    EXPECT_TRUE(!names.ok() && names.error().message.ends_with(": Permission denied"));
    const Result<const ModuleTable*> opened = load_module("greeting", closed.path());
    EXPECT_NE(opened.error().message.find("Permission denied"), std::string::npos) << opened.error().message;
    return testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
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
