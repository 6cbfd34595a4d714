#include "core/rpc/outbox.hpp"

#include <deque>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/rpc/reassembly.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::Frame;

constexpr std::size_t kLong = kMaxFrameBody + 1;

// An outbox, and at the other end the messages that its frames make.
class OutboxTest : public testing::Test, protected FrameWriter {
 protected:
  // The n-th message of an id, so that it can be told apart.
  void push(std::uint64_t id, std::size_t size) {
    size = std::max<std::size_t>(size, 1);
    Buffer body;
    const bool is_long = size > kMaxFrameBody;
    if (is_long) body = AttachmentTable{{size, 0, 0, 0}, {}}.encode();
    const std::size_t at = body.size();
    body.resize(at + size);
    body[at] = static_cast<std::byte>(pushed_[id]++);
    outbox_.push(FrameType::kStreamItem, id, {std::move(body), {}}, is_long ? kFlagAttached : std::uint8_t{0});
  }

  bool write_frame(const FrameHeader& header, std::span<const ConstBytes> parts) override {
    if (room_ == 0) return false;
    --room_;
    Buffer body;
    for (const ConstBytes part : parts) append(body, part);
    MessageStorage whole;
    const bool fragment = (header.flags & kFlagMore) != 0 || reassembly_.has(header.call_id);
    if (fragment) {
      Result<bool> complete = reassembly_.add(header, body, whole);
      EXPECT_TRUE(complete.ok());
      if (!complete.ok() || !complete.value()) return true;
    } else {
      whole.body = ByteBlock(body);
    }
    arrived_.emplace_back(header.call_id, static_cast<std::size_t>(*whole.body.data()));
    return true;
  }

  void send_all() {
    room_ = ~std::size_t{0};
    while (!outbox_.empty()) outbox_.flush_round();
  }

  std::size_t room_ = 0;
  std::map<std::uint64_t, std::size_t> pushed_;
  std::vector<std::pair<std::uint64_t, std::size_t>> arrived_;  // id, and which of its messages
  Reassembly reassembly_{1'000'000};
  AccountShare share_{nullptr};
  Outbox outbox_{*this, 1'000'000, share_, [](FrameType, std::uint64_t) {}};
};

using Arrived = std::vector<std::pair<std::uint64_t, std::size_t>>;

TEST_F(OutboxTest, AShortMessageDoesNotOvertakeALongOneOfItsId) {
  push(1, 3 * kLong);
  push(1, 10);
  send_all();
  EXPECT_EQ(arrived_, (Arrived{{1, 0}, {1, 1}}));
}

TEST_F(OutboxTest, AShortMessageOvertakesALongOneOfAnotherId) {
  push(1, 3 * kLong);
  push(1, 10);
  push(2, 10);
  send_all();
  EXPECT_EQ(arrived_, (Arrived{{2, 0}, {1, 0}, {1, 1}}));
}

TEST_F(OutboxTest, TwoLongMessagesOfOneIdDoNotMix) {
  push(1, 3 * kLong);
  push(1, 2 * kLong);
  push(2, 2 * kLong);
  send_all();
  EXPECT_EQ(arrived_, (Arrived{{2, 0}, {1, 0}, {1, 1}}));
}

TEST_F(OutboxTest, WhatWaitsBehindItsOwnIdKeepsNoOtherMessageFromBeginning) {
  push(1, kLong);
  room_ = 1;
  outbox_.flush_round();
  push(1, kLong);
  EXPECT_TRUE(outbox_.can_begin(kLong));
}

TEST_F(OutboxTest, SaysWhichIdsShortMessagesWait) {
  push(1, kLong);
  EXPECT_TRUE(outbox_.holds_back(1));
  EXPECT_FALSE(outbox_.holds_back(2));
  push(3, 10);
  EXPECT_TRUE(outbox_.holds_back(2)) << "short ones keep their order among themselves";
}

TEST_F(OutboxTest, GivesUpAllMessagesOfAnId) {
  push(1, 2 * kLong);
  push(1, 10);
  push(1, 2 * kLong);
  push(2, 2 * kLong);
  room_ = 1;
  outbox_.flush_round();
  EXPECT_EQ(outbox_.drop(1), Outbox::Dropped::kPartlySent);
  reassembly_.drop(1);  // as the receiver of a CANCEL does
  send_all();
  EXPECT_EQ(arrived_, (Arrived{{2, 0}}));
}

// Any sizes, ids and lack of room.
TEST_F(OutboxTest, KeepsTheOrderOfEachIdHoweverTheMessagesMix) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same cases each time
  const auto below = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most - 1)(random); };
  for (int round = 0; round < 300; ++round) {
    pushed_.clear();
    arrived_.clear();
    std::size_t total = 0;
    for (; total < 40; ++total) {
      room_ = below(4);
      const std::array<std::size_t, 4> sizes{10, kMaxFrameBody, kLong, 5 * kLong};
      push(1 + below(4), sizes.at(below(sizes.size())));
    }
    send_all();
    ASSERT_EQ(arrived_.size(), total);
    std::map<std::uint64_t, std::size_t> next;
    for (const auto& [id, which] : arrived_) ASSERT_EQ(which, next[id]++) << "id " << id << ", round " << round;
  }
}

}  // namespace
}  // namespace ipcbridge
