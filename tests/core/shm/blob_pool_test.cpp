#include "core/shm/blob_pool.hpp"

#include <cerrno>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/failing_memory.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/process.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::shm {
namespace {

using testing_support::fail_with;
using testing_support::FaultySystem;

constexpr std::uint64_t kMost = 64ULL * 1024 * 1024;

class BlobPoolTest : public testing::Test {
 protected:
  // How many segments are made from now on.
  void count_segments() {
    system_.on_memfd = [this] {
      ++made_;
      return false;
    };
  }
  BlobRef allocate(std::size_t size) {
    Result<BlobRef> blob = pool_->allocate(size);
    EXPECT_TRUE(blob.ok()) << blob.error().message;
    EXPECT_NE(blob.value(), nullptr);
    return std::move(blob).value();
  }

  FaultySystem system_;
  int made_ = 0;
  std::shared_ptr<BlobPool> pool_ = std::make_shared<BlobPool>(system_, kMost);
};

TEST_F(BlobPoolTest, ItsBlobsAreWritableAndDoNotOverlap) {
  std::vector<BlobRef> blobs;
  for (const std::size_t size : {1UL, 4096UL, 4097UL, 100'000UL, 1'000'000UL, 20'000'000UL}) {
    for (int i = 0; i < 3 && size < 10'000'000; ++i) blobs.push_back(allocate(size));
    blobs.push_back(allocate(size));
    EXPECT_EQ(blobs.back()->size(), size);
  }
  for (std::size_t i = 0; i < blobs.size(); ++i) std::memset(blobs[i]->data(), static_cast<int>(i), blobs[i]->size());
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    EXPECT_EQ(blobs[i]->data()[0], static_cast<std::byte>(i));
    EXPECT_EQ(blobs[i]->data()[blobs[i]->size() - 1], static_cast<std::byte>(i));
    EXPECT_TRUE(blobs[i]->is_writable());
    EXPECT_FALSE(blobs[i]->is_shared());
  }
}

TEST_F(BlobPoolTest, OfNoBytesIsABlobAsWell) { EXPECT_EQ(allocate(0)->size(), 0U); }

TEST_F(BlobPoolTest, ASteadyStateMakesNoSegments) {
  const auto exchange = [&](std::size_t size) {
    const BlobRef one = allocate(size);
    const BlobRef two = allocate(size);
  };
  for (const std::size_t size : {20'000UL, 1'000'000UL, 9'000'000UL}) exchange(size);
  count_segments();
  const std::size_t descriptors = testing_support::open_descriptors();
  const std::size_t mapped = testing_support::mapped_segments();
  for (int i = 0; i < 100; ++i) {
    for (const std::size_t size : {20'000UL, 1'000'000UL, 9'000'000UL}) exchange(size);
  }
  EXPECT_EQ(made_, 0);
  EXPECT_EQ(testing_support::open_descriptors(), descriptors);
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
}

TEST_F(BlobPoolTest, SmallBlobsShareASegment) {
  count_segments();
  std::vector<BlobRef> blobs;
  for (int i = 0; i < 60; ++i) blobs.push_back(allocate(4096));
  EXPECT_EQ(made_, 1);
}

TEST_F(BlobPoolTest, WhatWasFreedIsGivenAgain) {
  BlobRef blob = allocate(1'000'000);
  const std::byte* const at = blob->data();
  blob.reset();
  EXPECT_EQ(allocate(1'000'000)->data(), at);
}

TEST_F(BlobPoolTest, TellsWhereAPartOfABlobLies) {
  const BlobRef other = allocate(5'000);
  const BlobRef blob = allocate(5'000);
  const BlobPool::Location whole = pool_->locate(Attachment(blob));
  const BlobPool::Location part = pool_->locate(Attachment(blob, blob->bytes().subspan(17, 100)));
  ASSERT_NE(whole.segment, nullptr);
  EXPECT_EQ(part.segment, whole.segment);
  EXPECT_EQ(part.offset, whole.offset + 17);
  EXPECT_EQ(whole.segment->mapping.data() + whole.offset, blob->data());
}

TEST_F(BlobPoolTest, WhatIsNotItsOwnLiesNowhere) {
  const auto other = std::make_shared<BlobPool>(system_, kMost);
  EXPECT_EQ(pool_->locate(Attachment(other->allocate(10).value())).segment, nullptr);
  EXPECT_EQ(pool_->locate(Attachment(make_heap_blob(10))).segment, nullptr);
  EXPECT_EQ(pool_->locate(Attachment()).segment, nullptr);
}

TEST_F(BlobPoolTest, GivesUpWhatHasBeenFreeForAWhile) {
  BlobRef kept = allocate(1'000'000);
  BlobRef freed = allocate(9'000'000);
  const std::size_t mapped = testing_support::mapped_segments();
  EXPECT_FALSE(pool_->has_free_segments());
  freed.reset();
  EXPECT_TRUE(pool_->has_free_segments());
  const TimePoint since = system_.now() - std::chrono::seconds(5);
  EXPECT_TRUE(pool_->trim(since).empty());
  system_.pass(std::chrono::seconds(6));
  EXPECT_EQ(pool_->trim(system_.now() - std::chrono::seconds(5)).size(), 1U);
  EXPECT_EQ(testing_support::mapped_segments(), mapped - 1);
  EXPECT_FALSE(pool_->has_free_segments());
  kept.reset();
  system_.pass(std::chrono::seconds(6));
  EXPECT_EQ(pool_->trim(system_.now()).size(), 1U);
  EXPECT_EQ(allocate(10)->size(), 10U) << "it goes on";
}

TEST_F(BlobPoolTest, WhatIsInUseAgainIsNotGivenUp) {
  allocate(1'000'000).reset();
  system_.pass(std::chrono::seconds(6));
  const BlobRef again = allocate(1'000'000);
  EXPECT_TRUE(pool_->trim(system_.now()).empty());
}

TEST_F(BlobPoolTest, RefusesMoreThanMayBeInUse) {
  BlobRef most = allocate(kMost);
  const Result<BlobRef> refused = pool_->allocate(1);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_NE(refused.error().message.find(std::to_string(kMost)), std::string::npos) << refused.error().message;
  most.reset();
  EXPECT_NE(allocate(kMost), nullptr);
}

TEST_F(BlobPoolTest, HasNoMemoryForWhatCanNeverFit) {
  const std::size_t huge = std::numeric_limits<std::size_t>::max();
  for (const std::size_t size : {std::size_t{kMost} + 1, huge, huge - 4095, huge / 2}) {
    const Result<BlobRef> none = pool_->allocate(size);
    ASSERT_TRUE(none.ok()) << "nobody can release so much";
    EXPECT_EQ(none.value(), nullptr) << size;
  }
  EXPECT_NE(allocate(kMost), nullptr) << "nothing was counted";
}

TEST_F(BlobPoolTest, IsNullAndLeaksNothingWhereTheSystemHasNone) {
  const std::size_t descriptors = testing_support::open_descriptors();
  const std::size_t mapped = testing_support::mapped_segments();
  for (FaultySystem::Hook FaultySystem::*hook :
       {&FaultySystem::on_memfd, &FaultySystem::on_fallocate, &FaultySystem::on_mmap}) {
    system_.*hook = fail_with(ENOSPC, 1);
    const Result<BlobRef> none = pool_->allocate(10'000);
    ASSERT_TRUE(none.ok());
    EXPECT_EQ(none.value(), nullptr);
    EXPECT_EQ(testing_support::open_descriptors(), descriptors);
    EXPECT_EQ(testing_support::mapped_segments(), mapped);
    EXPECT_NE(allocate(10'000), nullptr) << "the next one finds some";
    pool_ = std::make_shared<BlobPool>(system_, kMost);
  }
}

TEST_F(BlobPoolTest, ThrowsAndCountsNothingWhereTheHeapHasNone) {
  allocate(10'000).reset();
  bool failed = true;
  for (std::size_t spared = 0; failed; ++spared) {
    {
      const testing_support::FailingMemory failing(spared, 1);
      const testing_support::FailingMemory::Armed armed;
      try {
        const Result<BlobRef> blob = pool_->allocate(1'000'000);
        EXPECT_TRUE(blob.ok());
      } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): that is what fails
      }
      failed = testing_support::FailingMemory::has_failed();
    }
    EXPECT_NE(pool_->allocate(kMost).value(), nullptr) << spared;
  }
}

TEST_F(BlobPoolTest, ItsBlobsOutliveIt) {
  const std::size_t mapped = testing_support::mapped_segments();
  BlobRef blob = allocate(100'000);
  pool_.reset();
  std::memset(blob->data(), 1, blob->size());
  blob.reset();
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
}

TEST_F(BlobPoolTest, AForkedChildThatDropsABlobHarmsNobody) {
  BlobRef blob = allocate(100'000);
  testing_support::Child child([&] {
    blob.reset();
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_NE(allocate(100'000)->data(), blob->data());
}

TEST_F(BlobPoolTest, ServesManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      std::mt19937 random(static_cast<unsigned>(thread));
      std::vector<BlobRef> kept;
      for (int step = 0; step < 500; ++step) {
        if (random() % 2 == 0 || kept.empty()) {
          kept.push_back(pool_->allocate(1 + random() % 50'000).value());
          std::memset(kept.back()->data(), thread, kept.back()->size());
          if (!pool_->locate(Attachment(kept.back())).segment) ++failures;
        } else {
          const BlobRef& last = kept.back();
          if (last->data()[last->size() - 1] != static_cast<std::byte>(thread)) ++failures;
          kept.pop_back();
        }
        if (step % 100 == 0) static_cast<void>(pool_->trim(system_.now()));
      }
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(failures, 0);
  static_cast<void>(pool_->trim(system_.now()));
  EXPECT_FALSE(pool_->has_free_segments());
}

}  // namespace
}  // namespace ipcbridge::shm
