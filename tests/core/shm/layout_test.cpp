#include "core/shm/layout.hpp"

#include <chrono>
#include <cstring>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "core/base/frame.hpp"
#include "core/shm/activity.hpp"

namespace ipcbridge {
namespace {

// Both sides may be of different releases: what docs/protocol.md says must stay as it is.
TEST(Layout, OfASegmentIsWhatTheProtocolSays) {
  const shm::SegmentHeader header;
  const auto* base = reinterpret_cast<const char*>(&header);
  const auto offset = [base](const auto& field) { return reinterpret_cast<const char*>(&field) - base; };
  EXPECT_EQ(std::string(base, 8), "IIPCSEG1");
  EXPECT_EQ(offset(header.ring_bytes), 8);
  EXPECT_EQ(offset(header.state_offset), 16);
  EXPECT_EQ(sizeof header, 24U);
  EXPECT_EQ(shm::kHeaderBytes, 4096U);
}

TEST(Layout, OfTheSharedStateIsWhatTheProtocolSays) {
  const shm::SharedState state;
  const auto* base = reinterpret_cast<const char*>(&state);
  const auto offset = [base](const auto& field) { return reinterpret_cast<const char*>(&field) - base; };
  EXPECT_EQ(offset(state.write_index), 0);
  EXPECT_EQ(offset(state.sleeping), 8);
  EXPECT_EQ(offset(state.wants_space), 12);
  EXPECT_EQ(offset(state.cpu), 16);
  EXPECT_EQ(offset(state.read_index), 128);
  EXPECT_EQ(offset(state.activity), 256);
  EXPECT_EQ(sizeof state, 384U);
  EXPECT_TRUE(shm::is_state_offset(3712));
  EXPECT_FALSE(shm::is_state_offset(3840));
}

TEST(Layout, OfAnActivityIsWhatTheProtocolSays) {
  const shm::Activity activity{0x0102, TimePoint(std::chrono::microseconds(0x0a0b0c0d0e0f))};
  EXPECT_EQ(shm::pack_activity(activity), 0x0103'0a0b'0c0d'0e0fULL);
  EXPECT_EQ(shm::unpack_activity(0x0103'0a0b'0c0d'0e0fULL, activity.since), activity);
  EXPECT_EQ(shm::pack_activity(std::nullopt), 0U);
  EXPECT_EQ(shm::unpack_activity(0, activity.since), std::nullopt);
}

TEST(Layout, OfAnActivityHasNoPlaceForTheLastOf65536Methods) {
  EXPECT_EQ(shm::pack_activity(shm::Activity{65'534, TimePoint()}), 0xffff'0000'0000'0000ULL);
  EXPECT_EQ(shm::pack_activity(shm::Activity{65'535, TimePoint()}), 0U);
}

TEST(Layout, OfAnActivityThatBeginsInTheFutureIsNone) {
  const TimePoint now(std::chrono::microseconds(1000));
  EXPECT_TRUE(shm::unpack_activity((1ULL << 48U) + 1000, now).has_value());
  EXPECT_FALSE(shm::unpack_activity((1ULL << 48U) + 1001, now).has_value());
  EXPECT_FALSE(shm::unpack_activity(~0ULL, now).has_value());
}

TEST(Layout, OfAFrameIsWhatTheProtocolSays) {
  const FrameHeader header{0x01020304, FrameType::kGoaway, kFlagMore, 0, 0x1122334455667788ULL};
  unsigned char bytes[16];
  std::memcpy(bytes, static_cast<const void*>(&header), sizeof bytes);
  const unsigned char expected[16] = {4, 3, 2, 1, 13, 2, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
  EXPECT_EQ(std::memcmp(bytes, expected, sizeof bytes), 0);
  EXPECT_EQ(kMaxFrameBody, 16'368U);
  EXPECT_EQ(kMaxHelloBody, 1'048'576U);
}

}  // namespace
}  // namespace ipcbridge
