#include "core/shm/layout.hpp"

#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "core/base/frame.hpp"

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
  EXPECT_EQ(sizeof state, 256U);
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
