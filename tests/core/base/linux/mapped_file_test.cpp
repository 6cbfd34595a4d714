#include "core/base/posix/mapped_file.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "core/base/module.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::TemporaryDirectory;

const char kHere = 0;

std::filesystem::path program() { return std::filesystem::read_symlink("/proc/self/exe"); }

TEST(MappedFile, IsThatOfTheProgram) { EXPECT_EQ(mapped_file(&kHere), program()); }

TEST(MappedFile, IsThatOfALibraryWhichWasOpenedByARelativeName) {
  const std::string modules = modules_directory();
  Child child([&] {
    if (::chdir(modules.c_str()) != 0) return 2;
    void* library = ::dlopen("./greeting.so", RTLD_NOW);
    if (library == nullptr || ::chdir("/") != 0) return 3;
    EXPECT_EQ(mapped_file(::dlsym(library, kModuleSymbol)), modules + "/greeting.so");
    return testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(MappedFile, IsNoneOfAStack) {
  const char here = 0;
  EXPECT_EQ(mapped_file(&here), "");
}

// Those that tests/core/CMakeLists.txt builds are beside this program.
TEST(ModulesDirectory, IsBesideTheProgram) {
  EXPECT_EQ(std::filesystem::path(modules_directory()), program().parent_path() / "modules");
}

TEST(ModulesDirectory, IsBesideAProgramThatWasFoundThroughPath) {
  const TemporaryDirectory elsewhere;
  const std::string name = program().filename();
  const std::string folder = program().parent_path();
  Child child([&] {
    if (::chdir(elsewhere.path().c_str()) != 0 || ::setenv("PATH", folder.c_str(), 1) != 0) return 2;
    ::execlp(name.c_str(), name.c_str(), "--gtest_filter=ModulesDirectory.IsBesideTheProgram", nullptr);
    return 3;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace ipcbridge
