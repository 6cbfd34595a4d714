#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "core/shm/ring.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::shm {
namespace {

using testing_support::Child;
using testing_support::header_of;

constexpr std::size_t kRing = 4096;
using Next = RingReader::Next;

// The reader's view of a peer who may write anything, in a block of exactly the ring's size, so that ASan
// sees a read beyond it.
struct Forged {
  SharedState peer;
  SharedState own;
  std::unique_ptr<std::byte[]> memory = std::make_unique<std::byte[]>(kRing);
  RingReader reader{peer, memory.get(), kRing, own};

  void put(std::size_t offset, const FrameHeader& header) {
    std::array<std::byte, sizeof header> bytes{};
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(memory.get() + offset, bytes.data(), std::min(sizeof header, kRing - offset));
  }
  void publish(std::uint64_t index) { peer.write_index.store(index); }
  Next peek() {
    RingReader::Record record;
    return reader.peek(record);
  }
};

TEST(RingCorruption, AnIndexBeyondTheRingIsRefused) {
  Forged forged;
  forged.publish(kRing + 8);
  EXPECT_EQ(forged.peek(), Next::kCorrupt);
}

TEST(RingCorruption, AnIndexThatGoesBackIsRefused) {
  Forged forged;
  forged.put(0, header_of(FrameType::kReply, 1, 0));
  forged.publish(16);
  ASSERT_EQ(forged.peek(), Next::kRecord);
  forged.reader.consume();
  for (const std::uint64_t index :
       {std::uint64_t{8}, std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max() - 7}) {
    forged.publish(index);
    EXPECT_EQ(forged.peek(), Next::kCorrupt) << index;
  }
}

TEST(RingCorruption, AnIndexBetweenTwoRecordsIsRefused) {
  Forged forged;
  for (std::uint64_t index = 1; index < 8; ++index) {
    forged.publish(index);
    EXPECT_EQ(forged.peek(), Next::kCorrupt) << index;
  }
}

TEST(RingCorruption, ARecordLongerThanWhatWasPublishedIsRefused) {
  Forged forged;
  forged.put(0, header_of(FrameType::kReply, 1, 17));
  forged.publish(32);
  EXPECT_EQ(forged.peek(), Next::kCorrupt);
}

TEST(RingCorruption, ARecordLongerThanAQuarterIsRefused) {
  Forged forged;
  for (const std::uint32_t length :
       {static_cast<std::uint32_t>(max_record_body(kRing) + 1), 0x7FFFFFFFU, 0xFFFFFFF0U, 0xFFFFFFFFU}) {
    forged.put(0, header_of(FrameType::kReply, 1, length));
    forged.publish(kRing);
    EXPECT_EQ(forged.peek(), Next::kCorrupt) << length;
  }
}

// The peer chose the ring, and may choose a large one.
TEST(RingCorruption, AFrameOverTheLimitIsRefusedInARingThatHasRoomForIt) {
  constexpr std::size_t kLarge = 1024UL * 1024;
  SharedState peer;
  SharedState own;
  const auto memory = std::make_unique<std::byte[]>(kLarge);
  RingReader reader(peer, memory.get(), kLarge, own);
  RingReader::Record record;
  FrameHeader header = header_of(FrameType::kRequest, 1, kMaxFrameBody);
  std::memcpy(memory.get(), static_cast<const void*>(&header), sizeof header);
  peer.write_index.store(record_bytes(header.length));
  ASSERT_EQ(reader.peek(record), Next::kRecord);
  header.length = kMaxFrameBody + 1;
  std::memcpy(memory.get(), static_cast<const void*>(&header), sizeof header);
  peer.write_index.store(record_bytes(header.length));
  EXPECT_EQ(reader.peek(record), Next::kCorrupt);
}

TEST(RingCorruption, ARecordThatCrossesTheEndIsRefused) {
  Forged forged;
  std::uint64_t index = 0;
  for (std::size_t at = 0; at < kRing - 32; at += 16) {
    forged.put(at, header_of(FrameType::kReply, 1, 0));
    forged.publish(index += 16);
    ASSERT_EQ(forged.peek(), Next::kRecord);
    forged.reader.consume();
  }
  forged.put(kRing - 32, header_of(FrameType::kReply, 1, 17));
  forged.publish(index + 40);
  EXPECT_EQ(forged.peek(), Next::kCorrupt);
}

TEST(RingCorruption, AHeaderOfWhichOnlyHalfFitsIsNotReadBeyondTheEnd) {
  Forged forged;
  std::uint64_t index = 0;
  // Three records of 24 bytes and the rest of 16 leave 8 bytes at the end.
  for (std::size_t at = 0; at + 16 <= kRing - 8;) {
    const std::size_t body = (kRing - 8 - at) % 16 != 0 ? 8 : 0;
    forged.put(at, header_of(FrameType::kReply, 1, body));
    at += record_bytes(body);
    forged.publish(index = at);
    ASSERT_EQ(forged.peek(), Next::kRecord);
    forged.reader.consume();
  }
  ASSERT_EQ(index, kRing - 8);
  forged.put(kRing - 8, header_of(FrameType::kReply, 1, 0));
  forged.publish(index + 16);
  EXPECT_EQ(forged.peek(), Next::kCorrupt) << "only a pad fits there";
}

TEST(RingCorruption, APadMustEndAtTheEndAndBeFollowedByARecord) {
  for (const auto& [length, published] : std::vector<std::pair<std::size_t, std::uint64_t>>{
           {0, kRing}, {kRing - 16, kRing}, {kRing, kRing}, {kRing - 8, kRing}, {0xFFFFFFFF, kRing}}) {
    Forged forged;
    forged.put(0, header_of(FrameType::kPad, 0, length));
    forged.publish(published);
    EXPECT_EQ(forged.peek(), Next::kCorrupt) << length;
  }
}

TEST(RingCorruption, APadAfterAPadIsRefused) {
  Forged forged;
  std::uint64_t index = 0;
  for (std::size_t at = 0; at < kRing - 16; at += 16) {
    forged.put(at, header_of(FrameType::kReply, 1, 0));
    forged.publish(index += 16);
    ASSERT_EQ(forged.peek(), Next::kRecord);
    forged.reader.consume();
  }
  forged.put(kRing - 16, header_of(FrameType::kPad, 0, 8));
  forged.put(0, header_of(FrameType::kPad, 0, kRing - 8));
  forged.publish(index + 32);
  EXPECT_EQ(forged.peek(), Next::kCorrupt);
}

TEST(RingCorruption, AReadIndexThatIsNonsenseStopsTheWriter) {
  for (const std::uint64_t index :
       {std::uint64_t{17}, std::uint64_t{2 * kRing}, std::numeric_limits<std::uint64_t>::max() - 7}) {
    SharedState own;
    SharedState peer;
    const auto memory = std::make_unique<std::byte[]>(kRing);
    RingWriter writer(own, memory.get(), kRing, peer);
    while (writer.write(header_of(FrameType::kReply, 1, 0), {})) {
    }
    ASSERT_FALSE(writer.corrupt());
    peer.read_index.store(index);
    EXPECT_TRUE(writer.space_arrived()) << "the writer must come and look";
    EXPECT_FALSE(writer.write(header_of(FrameType::kReply, 1, 0), {}));
    EXPECT_TRUE(writer.corrupt()) << index;
  }
}

// Indices, lengths, types and bodies change under the reader's eyes, from another process that maps the same
// memory. The reader may find records or nonsense; every body it gives must lie within the ring.
TEST(RingCorruption, ForgeryWhileReadingStaysWithinTheRing) {
  void* shared =
      ::mmap(nullptr, kHeaderBytes + kDefaultRingBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto* peer = new (shared) SharedState;
  std::byte* ring = static_cast<std::byte*>(shared) + kHeaderBytes;
  Child vandal([&] {
    std::mt19937_64 random(3);
    for (;;) {
      const std::uint64_t at = random() % kDefaultRingBytes & ~std::uint64_t{7};
      FrameHeader header = header_of(static_cast<FrameType>(random() % 20), random(), random() % 64);
      if (random() % 4 == 0) header.length = static_cast<std::uint32_t>(random());
      std::memcpy(ring + at, &header, 8);
      const std::uint64_t index = random() % 8 == 0 ? random() : random() % (kDefaultRingBytes + 8) & ~std::uint64_t{7};
      peer->write_index.store(index, std::memory_order_relaxed);
    }
    return 0;
  });
  while (peer->write_index.load() == 0) {
  }
  constexpr int kRounds = 20'000;
  std::size_t records = 0;
  std::size_t refusals = 0;
  for (int round = 0; round < kRounds; ++round) {
    SharedState own;
    RingReader reader(*peer, ring, kDefaultRingBytes, own);
    RingReader::Record record;
    Next next = Next::kEmpty;
    int empty = 0;
    while ((next = reader.peek(record)) != Next::kCorrupt && empty < 10) {
      if (next == Next::kEmpty) {
        ++empty;
        continue;
      }
      ++records;
      ASSERT_GE(record.body.data(), ring);
      ASSERT_LE(record.body.data() + record.body.size(), ring + kDefaultRingBytes);
      ASSERT_LE(record.header.length, max_record_body(kDefaultRingBytes));
      ASSERT_EQ(record.body.size(), record.header.length);
      ASSERT_NE(record.header.type, FrameType::kPad);
      reader.consume();
      reader.publish();
    }
    if (next == Next::kCorrupt) ++refusals;
  }
  EXPECT_GT(records + refusals, 0U);
  vandal.kill(SIGKILL);
  vandal.wait();
  ::munmap(shared, kHeaderBytes + kDefaultRingBytes);
}

}  // namespace
}  // namespace ipcbridge::shm
