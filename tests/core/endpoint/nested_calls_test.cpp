#include "core/endpoint/nested_calls.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

Buffer metadata_of(unsigned depth, const HeldThreads& held) {
  const NestedMetadata metadata(depth, held);
  return {metadata.bytes().begin(), metadata.bytes().end()};
}

TEST(HeldThreads, AreCountedByTheirPoolsAcrossCalls) {
  HeldThreads held;
  EXPECT_TRUE(held.empty());
  held.hold(7, true);
  held.hold(9, true);
  held.hold(7, true);
  const Buffer metadata = metadata_of(3, held);
  const HeldThreads received{ConstBytes(metadata)};
  EXPECT_EQ(received.count(7), 2U);
  EXPECT_EQ(received.count(9), 1U);
  EXPECT_EQ(received.count(8), 0U);
  EXPECT_TRUE(received.are_all());
  EXPECT_EQ(depth_alone(metadata), 3U);
}

TEST(HeldThreads, AreNotAllWhereAHandlerIsNotAwaited) {
  HeldThreads held;
  held.hold(7, false);
  const Buffer metadata = metadata_of(1, held);
  EXPECT_FALSE(HeldThreads(ConstBytes(metadata)).are_all());
}

TEST(HeldThreads, OfMorePoolsThanThereIsRoomForAreLeftOut) {
  HeldThreads held;
  for (ThreadPoolId pool = 1; pool <= 100; ++pool) held.hold(pool, true);
  const Buffer metadata = metadata_of(100, held);
  const HeldThreads received{ConstBytes(metadata)};
  EXPECT_EQ(received.count(1), 1U);
  EXPECT_EQ(received.count(100), 0U);
}

TEST(HeldThreads, AreNoneInBytesThatSayOtherwise) {
  HeldThreads held;
  held.hold(7, true);
  const Buffer metadata = metadata_of(1, held);
  for (std::size_t size = 0; size < metadata.size(); ++size) {
    EXPECT_TRUE(HeldThreads(ConstBytes(metadata).first(size)).empty()) << size;
  }
  for (unsigned last = 0; last < 256; ++last) {
    Buffer forged = metadata;
    forged.back() = static_cast<std::byte>(last);
    EXPECT_EQ(HeldThreads(ConstBytes(forged)).empty(), last != 1) << last;
  }
}

}  // namespace
}  // namespace ipcbridge
