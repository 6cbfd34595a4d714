#include "core/naming/address.hpp"

#include <sys/stat.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::ScopedEnvironment;
using testing_support::TemporaryDirectory;

class Addresses : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  ScopedEnvironment environment_{"IPCBRIDGE_DIR", directory_ / "names"};
};

TEST_F(Addresses, ALocalNameIsASocketInTheDirectory) {
  const Result<Address> address = parse_address("calc");
  ASSERT_TRUE(address.ok()) << address.error().message;
  EXPECT_TRUE(address.value().named);
  EXPECT_EQ(address.value().transport, Transport::kAuto);
  EXPECT_EQ(address.value().path, directory_ / "names/calc.sock");
  struct stat info {};
  ASSERT_EQ(::stat((directory_ / "names").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(Addresses, EachTransportHasItsScheme) {
  EXPECT_EQ(parse_address("shm:///run/x").value().transport, Transport::kShm);
  EXPECT_EQ(parse_address("unix:///run/x").value().transport, Transport::kUnix);
  EXPECT_EQ(parse_address("unix:///run/x").value().path, "/run/x");
  EXPECT_EQ(parse_address("inproc://x").value().transport, Transport::kInproc);
  EXPECT_FALSE(parse_address("unix:///run/x").value().named);
}

TEST_F(Addresses, WhatIsNoNameIsRefused) {
  const std::string control = std::string("a\tb");
  for (const std::string& name : {std::string(), std::string("a/b"), control, std::string("a\0b", 3),
                                  std::string("a b"), std::string(".a"), std::string("-a"), std::string("caf\xc3\xa9"),
                                  std::string(65, 'a'), std::string("../x"), std::string("inproc://a/b")}) {
    const Result<Address> address = parse_address(name);
    ASSERT_FALSE(address.ok()) << name;
    EXPECT_EQ(address.error().code, Code::kInvalidArgument) << name;
    for (const char c : address.error().message) {
      EXPECT_GE(static_cast<unsigned char>(c), 0x20U) << "control characters stay out of messages";
    }
  }
  EXPECT_TRUE(parse_address("inproc://" + std::string(64, 'a')).ok());
}

TEST_F(Addresses, APathMustBeAbsoluteAndFitIntoASocketAddress) {
  for (const std::string& text : {std::string("unix://relative"), std::string("shm://"), std::string("unix:///"),
                                  "unix:///" + std::string(107, 'x'), std::string("unix:///a\0b", 11)}) {
    EXPECT_EQ(parse_address(text).error().code, Code::kInvalidArgument) << text;
  }
  EXPECT_TRUE(parse_address("unix:///" + std::string(106, 'x')).ok());
}

TEST_F(Addresses, ADirectoryThatMakesThePathTooLongIsNamed) {
  const ScopedEnvironment longer("IPCBRIDGE_DIR", directory_ / std::string(80, 'd'));
  const Result<Address> address = parse_address("calc");
  ASSERT_FALSE(address.ok());
  EXPECT_NE(address.error().message.find("IPCBRIDGE_DIR"), std::string::npos);
}

TEST_F(Addresses, TransportsOfLaterReleasesSaySo) {
  EXPECT_EQ(parse_address("tcp://host:1").error().code, Code::kUnimplemented);
  EXPECT_EQ(parse_address("tls://host:1").error().code, Code::kUnimplemented);
  EXPECT_EQ(parse_address("gopher://host").error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace ipcbridge
