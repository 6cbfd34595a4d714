#include "core/base/recycled_blob.hpp"

#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/failing_memory.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

constexpr std::size_t kLarge = 1'000'000;

class RecycledBlob : public testing::Test {
 protected:
  RecycledBlob() { forget(); }
  ~RecycledBlob() override { forget(); }
  static void forget() { trim_recycled(kNever); }
  static bool keeps_something() { return recycled_bytes() != 0; }
};

TEST_F(RecycledBlob, IsOfMemoryThatWasOneBefore) {
  BlobRef blob = make_recycled_blob(kLarge);
  ASSERT_NE(blob, nullptr);
  std::memset(blob->data(), 1, blob->size());
  const std::byte* const at = blob->data();
  EXPECT_FALSE(keeps_something());
  blob.reset();
  EXPECT_TRUE(keeps_something());
  blob = make_recycled_blob(kLarge - 10);
  EXPECT_EQ(blob->data(), at);
  EXPECT_EQ(blob->size(), kLarge - 10);
  EXPECT_FALSE(blob->is_shared());
  EXPECT_FALSE(keeps_something());
}

TEST_F(RecycledBlob, IsOfNoneThatIsTooSmallOrFarTooLarge) {
  make_recycled_blob(kLarge).reset();
  EXPECT_GE(make_recycled_blob(kLarge + 1)->size(), kLarge + 1);
  make_recycled_blob(kLarge / 3);
  EXPECT_TRUE(keeps_something()) << "what nobody could use is left";
}

TEST_F(RecycledBlob, IsNotKeptIfItIsSmallOrThereIsMuch) {
  make_recycled_blob(10'000).reset();
  make_recycled_blob(0).reset();
  make_recycled_blob(100'000'000).reset();
  EXPECT_FALSE(keeps_something());
  std::vector<BlobRef> blobs;
  for (int i = 0; i < 20; ++i) blobs.push_back(make_recycled_blob(20'000'000));
  blobs.clear();
  EXPECT_TRUE(keeps_something());
}

TEST_F(RecycledBlob, GoesBackToTheSystemAfterAWhile) {
  make_recycled_blob(kLarge).reset();
  const TimePoint now = Clock::now();
  EXPECT_TRUE(trim_recycled(now - kIdleMemory));
  EXPECT_FALSE(trim_recycled(now));
}

TEST_F(RecycledBlob, IsTrimmedOnceMoreWhileWhatIsInUseMayStillBeKept) {
  BlobRef blob = make_recycled_blob(kLarge);
  EXPECT_TRUE(trim_recycled(Clock::now() - kIdleMemory)) << "nothing is kept, but it may be let go";
  blob.reset();
  EXPECT_TRUE(keeps_something());
}

TEST_F(RecycledBlob, IsNotKeptWhereNobodyTrims) {
  BlobRef blob = make_recycled_blob(kLarge);
  make_recycled_blob(kLarge).reset();
  stop_recycling();
  EXPECT_FALSE(keeps_something());
  blob.reset();
  EXPECT_FALSE(keeps_something());
}

TEST_F(RecycledBlob, AForkedChildHasItsOwn) {
  BlobRef blob = make_recycled_blob(kLarge);
  testing_support::Child child([&] {
    blob.reset();
    return make_recycled_blob(kLarge) != nullptr ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  blob.reset();
  EXPECT_TRUE(keeps_something());
}

TEST_F(RecycledBlob, IsNullWhereThereIsNoMemory) {
  bool failed = true;
  for (std::size_t spared = 0; failed; ++spared) {
    const testing_support::FailingMemory failing(spared, 1);
    const testing_support::FailingMemory::Armed armed;
    const BlobRef blob = make_recycled_blob(kLarge);
    failed = testing_support::FailingMemory::has_failed();
    EXPECT_EQ(blob == nullptr, failed);
  }
}

TEST_F(RecycledBlob, ServesManyThreads) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([thread] {
      for (int round = 0; round < 200; ++round) {
        const BlobRef blob = make_recycled_blob(200'000 + static_cast<std::size_t>(round) * 100);
        std::memset(blob->data(), thread, blob->size());
        if (round % 50 == 0) trim_recycled(Clock::now());
        EXPECT_EQ(blob->data()[blob->size() - 1], static_cast<std::byte>(thread));
      }
    });
  }
  for (std::thread& each : threads) each.join();
}

}  // namespace
}  // namespace ipcbridge
