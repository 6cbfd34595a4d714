#include "core/base/close_reason.hpp"

#include <gtest/gtest.h>

#include "tests/core/support/failing_memory.hpp"

namespace ipcbridge {
namespace {

using testing_support::FailingMemory;

TEST(CloseReasons, SayWithWhichCodeCallersAreTold) {
  EXPECT_EQ(CloseReason::peer_gone().code(), Code::kUnavailable);
  EXPECT_EQ(CloseReason::peer_silent().code(), Code::kUnavailable);
  EXPECT_EQ(CloseReason::goodbye().code(), Code::kUnavailable);
  EXPECT_EQ(CloseReason::peer_violation("it").code(), Code::kDataLoss);
  EXPECT_EQ(CloseReason::peer_foreign("unix:///x").code(), Code::kFailedPrecondition);
  EXPECT_EQ(CloseReason::out_of_resources("none left").code(), Code::kResourceExhausted);
}

TEST(CloseReasons, KeepTheWordOfWhoeverRefuses) {
  const Error word{Code::kPermissionDenied, "not you"};
  for (const CloseReason& reason :
       {CloseReason::peer_refusal(word), CloseReason::refusal(word), CloseReason::owner(word)}) {
    EXPECT_EQ(reason.code(), word.code);
    EXPECT_EQ(reason.message(), word.message);
  }
}

TEST(CloseReasons, TellOfAViolationWhatItWas) {
  EXPECT_EQ(CloseReason::peer_violation("a frame over the limit").message(),
            "the peer broke the protocol: a frame over the limit");
}

TEST(CloseReasons, CanBeGivenWithoutMemory) {
  const FailingMemory none(0, 1000);
  const FailingMemory::Armed armed;
  const Progress ended = CloseReason::out_of_memory();
  EXPECT_FALSE(ended.ok());
  EXPECT_EQ(ended.why().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace ipcbridge
