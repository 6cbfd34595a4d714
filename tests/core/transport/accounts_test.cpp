#include "core/transport/accounts.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/test_system.hpp"

namespace ipcbridge {
namespace {

// A machine with one user, alice, and one group, staff, whose entry needs as much room as is set.
class Databases final : public testing_support::TestSystem {
 public:
  int getpwnam_r(const char* name, passwd* entry, char*, std::size_t size, passwd** found) override {
    *found = nullptr;
    if (const int failure = answer(size); failure != 0) return failure;
    if (std::strcmp(name, "alice") != 0) return unknown;
    entry->pw_uid = 1000;
    *found = entry;
    return 0;
  }
  int getgrnam_r(const char* name, group* entry, char*, std::size_t size, group** found) override {
    *found = nullptr;
    if (const int failure = answer(size); failure != 0) return failure;
    if (std::strcmp(name, "staff") != 0) return unknown;
    entry->gr_gid = 50;
    *found = entry;
    return 0;
  }

  std::size_t room = 0;
  int interruptions = 0;
  int error = 0;
  int unknown = 0;  // how it says that there is no such entry

 private:
  int answer(std::size_t size) {
    if (interruptions-- > 0) return EINTR;
    if (error != 0) return error;
    return size < room ? ERANGE : 0;
  }
};

class Accounts : public testing::Test {
 protected:
  Status add(const std::vector<std::string>& names) { return add_accounts(system_, names, allow_); }

  Databases system_;
  AllowList allow_;
};

TEST_F(Accounts, UsersAndGroupsAreFoundByName) {
  ASSERT_TRUE(add({"alice", "group:staff", "group:77"}).ok());
  EXPECT_EQ(allow_.uids, std::vector<uid_t>{1000});
  EXPECT_EQ(allow_.gids, (std::vector<gid_t>{50, 77}));
}

TEST_F(Accounts, ANumberAsAStringIsRefusedWithWhatToWrite) {
  const Status status = add({"1000"});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kInvalidArgument);
  EXPECT_NE(status.error().message.find("as a number, 1000"), std::string::npos) << status.error().message;
  EXPECT_TRUE(allow_.uids.empty());
}

TEST_F(Accounts, WhoIsUnknownIsNamedHoweverTheDatabaseSaysIt) {
  for (const int unknown : {0, ENOENT, ESRCH}) {
    system_.unknown = unknown;
    EXPECT_EQ(add({"bob"}).error().code, Code::kInvalidArgument);
    EXPECT_NE(add({"bob"}).error().message.find("user 'bob'"), std::string::npos);
    EXPECT_NE(add({"group:crew"}).error().message.find("group 'crew'"), std::string::npos);
  }
  EXPECT_FALSE(add({std::string("alice\0x", 7)}).ok());
}

TEST_F(Accounts, AnEntryOfAnyLengthIsRead) {
  system_.room = 1000UL * 1000;
  EXPECT_TRUE(add({"group:staff"}).ok());
}

TEST_F(Accounts, ASignalInBetweenIsNoFailure) {
  system_.interruptions = 3;
  EXPECT_TRUE(add({"alice"}).ok());
}

TEST_F(Accounts, ADatabaseThatCannotTellIsNoUnknownUser) {
  system_.error = EIO;
  EXPECT_EQ(add({"alice"}).error().code, Code::kUnavailable);
  system_.error = EMFILE;
  EXPECT_EQ(add({"alice"}).error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace ipcbridge
