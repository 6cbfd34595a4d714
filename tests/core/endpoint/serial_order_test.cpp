#include "core/endpoint/serial_order.hpp"

#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::FaultySystem;
using testing_support::text_of;

constexpr std::uint32_t kFree = 0;    // a method in no group
constexpr std::uint32_t kFirst = 1;   // methods 1 and 2 share a group
constexpr std::uint32_t kSecond = 2;  //
constexpr std::uint32_t kOther = 3;   // has its own

class SerialOrderTest : public testing::Test {
 protected:
  // True when it begins at once.
  bool add(std::uint64_t id, std::uint32_t method = kFirst, std::string_view payload = "") {
    Request request;
    request.method = method;
    request.payload = as_bytes(payload);
    return order_.add({1, id}, request, nullptr);
  }
  void add_of(std::uint64_t connection, std::uint64_t id) {
    Request request;
    request.method = kFirst;
    order_.add({connection, id}, request, nullptr);
  }
  // Ends the call that has begun, and begins the next: which that is.
  RequestKey next_after(const RequestKey& key) {
    order_.finish(key);
    const auto begun = order_.begin_due();
    return begun ? begun->key : RequestKey{};
  }
  void finish(std::uint64_t id) { order_.finish({1, id}); }
  bool drop(std::uint64_t id) { return order_.drop({1, id}); }
  // The next that begins; zero: none.
  std::uint64_t begin() {
    const auto begun = order_.begin_due();
    return begun ? begun->key.id : 0;
  }

  FaultySystem system_;
  SerialOrder order_{system_, {0, 1, 1, 2}};
};

TEST_F(SerialOrderTest, KnowsWhichMethodsAreSerial) {
  EXPECT_FALSE(order_.is_serial(kFree));
  EXPECT_TRUE(order_.is_serial(kFirst));
  EXPECT_TRUE(order_.is_serial(kOther));
  EXPECT_FALSE(order_.is_serial(4)) << "methods beyond the end are in no group";
  EXPECT_FALSE(SerialOrder(System::real(), {}).is_serial(0));
}

TEST_F(SerialOrderTest, CallsOfAGroupBeginInTheirOrderEachWhenTheOneBeforeIsOver) {
  EXPECT_TRUE(add(1, kFirst));
  EXPECT_FALSE(add(2, kSecond));
  EXPECT_FALSE(add(3, kFirst));
  EXPECT_FALSE(order_.has_due());
  finish(1);
  ASSERT_TRUE(order_.has_due());
  EXPECT_EQ(begin(), 2U);
  EXPECT_FALSE(order_.has_due());
  finish(2);
  EXPECT_EQ(begin(), 3U);
  finish(3);
  EXPECT_FALSE(order_.has_due());
  EXPECT_TRUE(add(4)) << "nothing is before it any more";
}

TEST_F(SerialOrderTest, GroupsDoNotWaitForEachOther) {
  EXPECT_TRUE(add(1, kFirst));
  EXPECT_TRUE(add(2, kOther));
  EXPECT_FALSE(add(3, kOther));
  finish(2);
  EXPECT_EQ(begin(), 3U);
}

TEST_F(SerialOrderTest, ACallThatIsReadWhileOthersAreDueGoesBehindThem) {
  add(1);
  add(2);
  finish(1);
  EXPECT_FALSE(add(3));
  EXPECT_EQ(begin(), 2U);
  EXPECT_EQ(begin(), 0U);
  finish(2);
  EXPECT_EQ(begin(), 3U);
}

TEST_F(SerialOrderTest, WhatIsOverTwiceOrUnknownChangesNothing) {
  add(1);
  add(2);
  add(3);
  finish(7);
  finish(2);
  EXPECT_FALSE(order_.has_due());
  finish(1);
  EXPECT_EQ(begin(), 2U);
  finish(1);
  EXPECT_FALSE(order_.has_due());
}

TEST_F(SerialOrderTest, ACallThatWaitsIsDroppedWhereverItStands) {
  for (std::uint64_t id = 1; id <= 6; ++id) add(id);
  EXPECT_FALSE(drop(1)) << "it has begun";
  EXPECT_FALSE(drop(9));
  EXPECT_TRUE(drop(2) && drop(4) && drop(6));
  EXPECT_FALSE(drop(4));
  finish(1);
  EXPECT_EQ(begin(), 3U);
  finish(3);
  EXPECT_EQ(begin(), 5U);
  finish(5);
  EXPECT_FALSE(order_.has_due());
}

TEST_F(SerialOrderTest, AGroupWhoseCallsWereDroppedWhenTheyWereDueGoesOn) {
  add(1);
  add(2);
  finish(1);
  EXPECT_TRUE(drop(2));
  EXPECT_TRUE(add(3));
  EXPECT_FALSE(add(4));
  EXPECT_EQ(begin(), 0U) << "one has begun";
  finish(3);
  EXPECT_EQ(begin(), 4U);
}

TEST_F(SerialOrderTest, TheSameIdOfAnotherConnectionIsAnotherCall) {
  add(1);
  Request request;
  request.method = kFirst;
  EXPECT_FALSE(order_.add({2, 1}, request, nullptr));
  order_.finish({2, 1});
  EXPECT_FALSE(order_.has_due());
  finish(1);
  EXPECT_EQ(order_.begin_due()->key, (RequestKey{2, 1}));
}

TEST_F(SerialOrderTest, ConnectionsTakeTurns) {
  for (std::uint64_t id = 1; id <= 4; ++id) add_of(1, id);
  for (std::uint64_t id = 1; id <= 2; ++id) add_of(2, id);
  RequestKey now{1, 1};
  for (const RequestKey next : {RequestKey{1, 2}, {2, 1}, {1, 3}, {2, 2}, {1, 4}}) {
    now = next_after(now);
    EXPECT_EQ(now, next);
  }
  EXPECT_EQ(next_after(now), RequestKey{});
}

TEST_F(SerialOrderTest, ConnectionsThatHaveEndedTakeOneTurnTogether) {
  constexpr std::uint64_t kEnded = 20;
  for (std::uint64_t id = 1; id <= 3; ++id) add_of(99, id);
  for (std::uint64_t connection = 1; connection <= kEnded; ++connection) {
    add_of(connection, 1);
    order_.end_connection(connection);
  }
  RequestKey now{99, 1};
  for (const RequestKey next : {RequestKey{99, 2}, {1, 1}, {99, 3}, {2, 1}, {3, 1}}) {
    now = next_after(now);
    EXPECT_EQ(now, next);
  }
}

TEST_F(SerialOrderTest, ACallThatWaitsKeepsItsBytes) {
  add(1);
  Buffer bytes = testing_support::pattern(1000, 1);
  Request request;
  request.method = kFirst;
  request.notify = true;
  request.payload = ConstBytes(bytes).first(700);
  request.metadata = ConstBytes(bytes).subspan(700);
  ASSERT_FALSE(order_.add({1, 2}, request, nullptr));
  bytes.assign(1000, std::byte{0});
  finish(1);
  const auto begun = order_.begin_due();
  ASSERT_TRUE(begun);
  EXPECT_TRUE(begun->request.notify);
  Buffer kept(begun->request.payload.begin(), begun->request.payload.end());
  append(kept, begun->request.metadata);
  EXPECT_EQ(kept, testing_support::pattern(1000, 1));
}

TEST_F(SerialOrderTest, ALongMessageIsMovedAndNotCopied) {
  add(1);
  MessageStorage storage{ByteBlock(testing_support::pattern(100'000, 1)), {}};
  const std::byte* const where = storage.body.data();
  Request request;
  request.method = kFirst;
  request.payload = storage.body;
  order_.add({1, 2}, request, &storage);
  finish(1);
  EXPECT_EQ(order_.begin_due()->request.payload.data(), where);
}

TEST_F(SerialOrderTest, TheTimeThatACallWaitsIsTakenFromItsTimeout) {
  add(1);
  Request request;
  request.method = kFirst;
  request.timeout_us = 1;
  order_.add({1, 2}, request, nullptr);
  request.timeout_us = 3'600'000'000;
  order_.add({1, 3}, request, nullptr);
  system_.pass(std::chrono::milliseconds(2));
  finish(1);
  EXPECT_TRUE(order_.begin_due()->expired);
  finish(2);
  const auto begun = order_.begin_due();
  EXPECT_FALSE(begun->expired);
  EXPECT_LE(begun->request.timeout_us, 3'600'000'000 - 2000);
  EXPECT_GT(begun->request.timeout_us, 3'500'000'000);
}

TEST_F(SerialOrderTest, ACrowdIsDroppedInAnyOrderWithoutASearchForEach) {
  constexpr std::uint64_t kCrowd = 200'000;  // squared, a search would take minutes
  add(1);
  for (std::uint64_t id = 2; id <= kCrowd; ++id) add(id);
  for (std::uint64_t id = kCrowd; id > 1; --id) ASSERT_TRUE(drop(id));
  finish(1);
  EXPECT_FALSE(order_.has_due());
}

}  // namespace
}  // namespace ipcbridge
