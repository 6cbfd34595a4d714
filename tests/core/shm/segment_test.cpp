#include "core/shm/segment.hpp"

#include <cerrno>
#include <cstddef>

#include <gtest/gtest.h>

#include "core/shm/ring.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/process.hpp"

namespace ipcbridge::shm {
namespace {

using testing_support::fail_with;
using testing_support::FaultySystem;

TEST(Segment, OfThePeerIsSeenThroughItsDescriptor) {
  const OwnSegment own = std::move(create_segment(System::real(), kDefaultRingBytes)).value();
  const Result<PeerSegment> peer = open_segment(System::real(), own.memory.get());
  ASSERT_TRUE(peer.ok()) << peer.error().message;
  EXPECT_EQ(peer.value().ring_bytes, kDefaultRingBytes);
  own.state().write_index.store(123);
  own.ring()[5] = std::byte{42};
  EXPECT_EQ(peer.value().state().write_index.load(), 123U);
  EXPECT_EQ(peer.value().ring()[5], std::byte{42});
}

TEST(Segment, OfAnySizeIsAllThere) {
  for (std::size_t bytes = kMinRingBytes; bytes <= kMaxRingBytes; bytes *= 2) {
    const Result<OwnSegment> own = create_segment(System::real(), bytes);
    ASSERT_TRUE(own.ok()) << own.error().message;
    EXPECT_TRUE(open_segment(System::real(), own.value().memory.get()).ok()) << bytes;
  }
}

TEST(Segment, OfAnImpossibleSizeIsNotMade) {
  for (const std::size_t bytes : {std::size_t{0}, kMinRingBytes / 2, kMinRingBytes + 8, 2 * kMaxRingBytes}) {
    const Result<OwnSegment> segment = create_segment(System::real(), bytes);
    ASSERT_FALSE(segment.ok());
    EXPECT_EQ(segment.error().code, Code::kInvalidArgument);
  }
}

TEST(Segment, SmallestRingTakesTheLargestFrame) { EXPECT_GE(max_record_body(kMinRingBytes), kMaxFrameBody); }

void expect_exhausted(FaultySystem& system) {
  const std::size_t before = testing_support::open_descriptors();
  const Result<OwnSegment> segment = create_segment(system, kDefaultRingBytes);
  ASSERT_FALSE(segment.ok());
  EXPECT_EQ(segment.error().code, Code::kResourceExhausted) << segment.error().message;
  EXPECT_EQ(testing_support::open_descriptors(), before) << "a failure leaks nothing";
}

TEST(Segment, FailsClearlyWhenThereAreNoDescriptors) {
  FaultySystem system;
  system.on_memfd = fail_with(EMFILE);
  expect_exhausted(system);
}

TEST(Segment, FailsClearlyWhenTheMemoryCannotBeReserved) {
  FaultySystem system;
  system.on_fallocate = fail_with(ENOSPC);
  expect_exhausted(system);
}

TEST(Segment, FailsClearlyWhenItCannotBeMapped) {
  FaultySystem system;
  system.on_mmap = fail_with(ENOMEM);
  expect_exhausted(system);
}

}  // namespace
}  // namespace ipcbridge::shm
