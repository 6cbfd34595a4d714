#include "core/shm/ring.hpp"

#include <array>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/support.hpp"

namespace ipcbridge::shm {
namespace {

using testing_support::header_of;
using testing_support::is_pattern;
using testing_support::pattern;

constexpr std::size_t kRing = 4096;

// A ring in ordinary memory: `writer_side` belongs to the producer, `reader_side` to the consumer.
struct Ring {
  explicit Ring(std::size_t bytes = kRing)
      : size(bytes),
        memory(std::make_unique<std::byte[]>(bytes)),
        writer(writer_side, memory.get(), bytes, reader_side),
        reader(writer_side, memory.get(), bytes, reader_side) {}

  bool write(std::size_t body, std::uint32_t seed, FrameType type = FrameType::kRequest) {
    const Buffer bytes = pattern(body, seed);
    const ConstBytes part(bytes);
    return writer.write(header_of(type, seed, body), std::span(&part, 1));
  }

  // Reads one record, checks it against what write() of the same seed wrote, and publishes.
  void expect_record(std::size_t body, std::uint32_t seed) {
    RingReader::Record record;
    ASSERT_EQ(reader.peek(record), RingReader::Next::kRecord);
    EXPECT_EQ(record.header.call_id, seed);
    EXPECT_EQ(record.body.size(), body);
    EXPECT_TRUE(is_pattern(record.body, seed));
    reader.consume();
    reader.publish();
  }

  void expect_empty() {
    RingReader::Record record;
    EXPECT_EQ(reader.peek(record), RingReader::Next::kEmpty);
  }

  std::size_t size;
  SharedState writer_side;
  SharedState reader_side;
  std::unique_ptr<std::byte[]> memory;
  RingWriter writer;
  RingReader reader;
};

TEST(Ring, GivesBackWhatWasWrittenInOrder) {
  Ring ring;
  ASSERT_TRUE(ring.write(10, 1));
  ASSERT_TRUE(ring.write(0, 2));
  ASSERT_TRUE(ring.write(100, 3));
  ring.expect_record(10, 1);
  ring.expect_record(0, 2);
  ring.expect_record(100, 3);
  ring.expect_empty();
}

TEST(Ring, JoinsThePartsOfARecord) {
  Ring ring;
  const Buffer bytes = pattern(30, 7);
  const std::array<ConstBytes, 4> parts{ConstBytes(bytes).first(1), ConstBytes(), ConstBytes(bytes).subspan(1, 12),
                                        ConstBytes(bytes).subspan(13)};
  ASSERT_TRUE(ring.writer.write(header_of(FrameType::kReply, 7, 30), parts));
  ring.expect_record(30, 7);
}

// Every record size against every position of the ring's end.
TEST(Ring, PadsToTheEndWhereverItIs) {
  for (std::size_t body = 0; body <= max_record_body(kRing); body += 61) {
    for (std::size_t offset = 0; offset < kRing; offset += 128) {
      Ring ring;
      for (std::size_t at = 0; at < offset; at += 128) {
        ASSERT_TRUE(ring.write(112, 5));
        ring.expect_record(112, 5);
      }
      ASSERT_TRUE(ring.write(body, 6));
      ASSERT_TRUE(ring.write(3, 7));
      ring.expect_record(body, 6);
      ring.expect_record(3, 7);
      ring.expect_empty();
    }
  }
}

TEST(Ring, IsFullOnlyWhenEveryByteIsTaken) {
  Ring ring;
  const std::size_t quarter = max_record_body(kRing);
  for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(ring.write(quarter, i));
  EXPECT_FALSE(ring.write(0, 9));
  EXPECT_FALSE(ring.writer.corrupt());
  for (std::uint32_t i = 0; i < 4; ++i) ring.expect_record(quarter, i);
  ring.expect_empty();
  EXPECT_TRUE(ring.write(quarter, 9));
}

TEST(Ring, TakesTheLargestRecordWheneverItIsEmpty) {
  for (std::size_t offset = 0; offset < kRing; offset += 16) {
    Ring ring;
    for (std::size_t at = 0; at < offset; at += 16) {
      ASSERT_TRUE(ring.write(0, 1));
      ring.expect_record(0, 1);
    }
    ASSERT_TRUE(ring.write(max_record_body(kRing), 2)) << "at " << offset;
    ring.expect_record(max_record_body(kRing), 2);
  }
}

TEST(Ring, CarriesRandomRecordsForALongWay) {
  std::mt19937 random(1);
  Ring ring;
  std::vector<std::pair<std::size_t, std::uint32_t>> written;
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    const std::size_t body = random() % (max_record_body(kRing) + 1);
    while (!ring.write(body, i)) {
      ASSERT_LT(next, written.size()) << "full and empty at once";
      ring.expect_record(written[next].first, written[next].second);
      ++next;
    }
    written.emplace_back(body, i);
  }
  for (; next < written.size(); ++next) ring.expect_record(written[next].first, written[next].second);
  ring.expect_empty();
}

TEST(Ring, RingsASleeperOncePerSleep) {
  Ring ring;
  EXPECT_FALSE(ring.writer.must_ring());
  ASSERT_TRUE(ring.reader.prepare_sleep());
  ASSERT_TRUE(ring.write(1, 1));
  EXPECT_TRUE(ring.writer.must_ring());
  EXPECT_FALSE(ring.writer.must_ring());
  ring.reader.wake();
  EXPECT_FALSE(ring.writer.must_ring());
  ring.expect_record(1, 1);
  ASSERT_TRUE(ring.reader.prepare_sleep());
  EXPECT_TRUE(ring.writer.must_ring());
}

TEST(Ring, DoesNotSleepOverARecordAndIsRungAgainForTheNextSleep) {
  Ring ring;
  ASSERT_TRUE(ring.write(1, 1));
  EXPECT_FALSE(ring.reader.prepare_sleep());
  EXPECT_FALSE(ring.writer.must_ring()) << "who did not fall asleep is not marked asleep";
  ring.expect_record(1, 1);
  ASSERT_TRUE(ring.reader.prepare_sleep());
  EXPECT_TRUE(ring.writer.must_ring());
}

TEST(Ring, TellsTheWriterOfSpaceOncePerWish) {
  Ring ring;
  const std::size_t quarter = max_record_body(kRing);
  for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(ring.write(quarter, i));
  ASSERT_FALSE(ring.write(quarter, 4));
  ASSERT_TRUE(ring.writer.wait_for_space());
  EXPECT_FALSE(ring.writer.space_arrived());
  RingReader::Record record;
  ASSERT_EQ(ring.reader.peek(record), RingReader::Next::kRecord);
  ring.reader.consume();
  EXPECT_FALSE(ring.writer.space_arrived()) << "what is consumed is not yet published";
  EXPECT_TRUE(ring.reader.publish());
  EXPECT_TRUE(ring.writer.space_arrived());
  ASSERT_EQ(ring.reader.peek(record), RingReader::Next::kRecord);
  ring.reader.consume();
  EXPECT_FALSE(ring.reader.publish()) << "this wish has been answered";
  EXPECT_TRUE(ring.write(quarter, 4));
  ring.writer.stop_waiting();
  EXPECT_FALSE(ring.writer.waiting());
}

TEST(Ring, AnswersARenewedWishAgain) {
  Ring ring;
  for (std::uint32_t i = 0; i < 64; ++i) ASSERT_TRUE(ring.write(48, i));
  ASSERT_FALSE(ring.write(1000, 99));
  ASSERT_TRUE(ring.writer.wait_for_space());
  RingReader::Record record;
  bool room = false;
  for (std::uint32_t i = 0; i < 64 && !room; ++i) {
    ASSERT_EQ(ring.reader.peek(record), RingReader::Next::kRecord);
    ring.reader.consume();
    EXPECT_TRUE(ring.reader.publish()) << "record " << i;
    room = !ring.writer.wait_for_space();
  }
  EXPECT_TRUE(room);
  EXPECT_TRUE(ring.write(1000, 99));
}

// Two threads as fast as they can, without any sleep: run under TSan this checks the memory orders.
TEST(Ring, CarriesChecksumsBetweenTwoThreads) {
  constexpr std::uint32_t kRecords = 200'000;
  Ring ring;
  std::thread producer([&] {
    std::mt19937 random(7);
    for (std::uint32_t i = 0; i < kRecords; ++i) {
      const std::size_t body = random() % 200;
      while (!ring.write(body, i)) std::this_thread::yield();
    }
  });
  std::mt19937 random(7);
  for (std::uint32_t i = 0; i < kRecords; ++i) {
    const std::size_t body = random() % 200;
    RingReader::Record record;
    RingReader::Next next = RingReader::Next::kEmpty;
    while ((next = ring.reader.peek(record)) == RingReader::Next::kEmpty) {
      ring.reader.publish();
      std::this_thread::yield();
    }
    // No ASSERT here: the producer must be joined.
    EXPECT_EQ(next, RingReader::Next::kRecord);
    EXPECT_EQ(record.header.call_id, i);
    EXPECT_EQ(record.body.size(), body);
    EXPECT_TRUE(is_pattern(record.body, i));
    ring.reader.consume();
    if (testing::Test::HasFailure()) std::abort();
  }
  ring.reader.publish();
  producer.join();
  ring.expect_empty();
}

}  // namespace
}  // namespace ipcbridge::shm
