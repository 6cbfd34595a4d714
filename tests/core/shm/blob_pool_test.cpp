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
  Audience audience_ = std::make_shared<int>();
  std::shared_ptr<BlobPool> pool_ = std::make_shared<BlobPool>(system_, kMost, audience_);
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

// The other side has just read it, so it is in the cache of its processor.
TEST_F(BlobPoolTest, WhatWasFreedIsGivenAgainWhenSomeMegabytesOfOthersHaveBeen) {
  for (const std::size_t size : {16UL * 1024, 100'000UL, 1'000'000UL}) {
    pool_ = std::make_shared<BlobPool>(system_, kMost, audience_);
    for (int i = 0; i < 1000; ++i) allocate(size).reset();
    count_segments();
    made_ = 0;
    const std::byte* const at = allocate(size)->data();
    std::size_t others = 0;
    while (allocate(size)->data() != at) others += size;
    EXPECT_GE(others, 2'000'000U) << size;
    EXPECT_LE(others, 8'000'000U) << size;
    EXPECT_EQ(made_, 0) << "it has grown to that, and not beyond";
  }
}

TEST_F(BlobPoolTest, WhatIsTooLargeForACacheIsGivenAgainAtOnce) {
  const std::byte* const at = allocate(6'000'000)->data();
  EXPECT_EQ(allocate(6'000'000)->data(), at);
}

TEST_F(BlobPoolTest, TellsWhatIsLikelyToBeInACache) {
  std::vector<BlobRef> blobs;
  for (int i = 0; i < 20; ++i) blobs.push_back(allocate(1'000'000));
  EXPECT_TRUE(blobs.front()->is_in_cache());
  EXPECT_FALSE(blobs.back()->is_in_cache());
  EXPECT_FALSE(allocate(6'000'000)->is_in_cache());
  blobs.clear();
  EXPECT_TRUE(allocate(1'000'000)->is_in_cache()) << "the first are used again";
}

TEST_F(BlobPoolTest, FillsWhatIsInNoCacheAsWell) {
  const BlobRef blob = allocate(6'000'000);
  ASSERT_FALSE(blob->is_in_cache());
  for (const std::size_t size : {0UL, 1UL, 15UL, 16UL, 63UL, 64UL, 65UL, 127UL, 4096UL, 100'003UL}) {
    const Buffer content = testing_support::pattern(size + 1, static_cast<std::uint32_t>(size));
    const ConstBytes odd = ConstBytes(content).subspan(1);  // aligned to nothing
    blob->data()[size] = std::byte{7};
    fill(Attachment(blob, blob->bytes().first(size)), odd);
    EXPECT_TRUE(std::equal(odd.begin(), odd.end(), blob->data())) << size;
    EXPECT_EQ(blob->data()[size], std::byte{7}) << "and nothing beyond";
  }
}

TEST_F(BlobPoolTest, TellsWhereAPartOfABlobLies) {
  const BlobRef other = allocate(5'000);
  const BlobRef blob = allocate(5'000);
  const BlobPool::Location whole = BlobPool::claim(Attachment(blob), audience_);
  const BlobPool::Location part = BlobPool::claim(Attachment(blob, blob->bytes().subspan(17, 100)), audience_);
  ASSERT_NE(whole.segment, nullptr);
  EXPECT_EQ(part.segment, whole.segment);
  EXPECT_EQ(part.offset, whole.offset + 17);
  EXPECT_EQ(whole.segment->mapping.data() + whole.offset, blob->data());
}

TEST_F(BlobPoolTest, WhatAnotherConnectionMaySeeLiesNowhereForThisOne) {
  const auto other = std::make_shared<BlobPool>(system_, kMost, std::make_shared<int>());
  EXPECT_EQ(BlobPool::claim(Attachment(other->allocate(10).value()), audience_).segment, nullptr);
  EXPECT_EQ(BlobPool::claim(Attachment(make_heap_blob(10)), audience_).segment, nullptr);
  EXPECT_EQ(BlobPool::claim(Attachment(), audience_).segment, nullptr);
}

// One pool for whoever comes, as the process has.
class UnownedPoolTest : public BlobPoolTest {
 protected:
  UnownedPoolTest() { pool_ = std::make_shared<BlobPool>(system_, kMost); }

  bool lies(const BlobRef& blob, const Audience& audience) {
    return BlobPool::claim(Attachment(blob), audience).segment != nullptr;
  }

  Audience other_ = std::make_shared<int>();
};

TEST_F(UnownedPoolTest, WhatIsSentToAConnectionFirstOnlyThatEverSees) {
  const BlobRef blob = allocate(5'000);
  EXPECT_TRUE(lies(blob, audience_));
  EXPECT_TRUE(lies(blob, audience_));
  EXPECT_FALSE(lies(blob, other_));
  EXPECT_FALSE(lies(allocate(5'000), other_)) << "in the same segment";
}

TEST_F(UnownedPoolTest, WhatAConnectionThatHasEndedMaySeeIsNotUsedAgain) {
  const BlobRef first = allocate(5'000);
  const std::byte* const at = first->data();
  ASSERT_TRUE(lies(first, other_));
  other_.reset();
  EXPECT_FALSE(lies(first, audience_));
  const BlobRef next = allocate(5'000);
  EXPECT_TRUE(next->data() < at || next->data() >= at + 256UL * 1024);
  EXPECT_TRUE(lies(next, audience_));
}

TEST_F(UnownedPoolTest, FindsTheBlobOfBytesThatAreAPartOfIt) {
  const BlobRef before = allocate(5'000);
  const BlobRef blob = allocate(5'000);
  const Attachment part = pool_->find(blob->bytes().subspan(17, 100));
  EXPECT_EQ(part.memory, blob);
  EXPECT_EQ(part.bytes.data(), blob->data() + 17);
  EXPECT_EQ(part.bytes.size(), 100U);
  EXPECT_EQ(pool_->find({blob->data() + 4'900, 101}).memory, nullptr) << "beyond its end";
  EXPECT_EQ(pool_->find(std::as_bytes(std::span("elsewhere"))).memory, nullptr);
}

TEST_F(UnownedPoolTest, WhatIsSealedNobodyChangesAndOneConnectionSees) {
  BlobRef blob = pool_->allocate_sealable(100'000);
  ASSERT_NE(blob, nullptr);
  const Buffer content = testing_support::pattern(blob->size(), 1);
  std::copy(content.begin(), content.end(), blob->data());
  EXPECT_TRUE(blob->is_writable());
  EXPECT_FALSE(lies(blob, audience_)) << "it can still be changed";
  ASSERT_TRUE(blob->seal());
  EXPECT_FALSE(blob->is_writable());
  EXPECT_TRUE(testing_support::is_pattern(blob->bytes(), 1)) << "where it was";
  EXPECT_EQ(pool_->find(blob->bytes().subspan(5, 10)).memory, blob);
  EXPECT_TRUE(lies(blob, audience_));
  EXPECT_FALSE(lies(blob, other_));
  testing_support::Child child([&] {
    blob->data()[0] = std::byte{1};
    return 0;
  });
  EXPECT_NE(child.wait(), 0) << "a store ends a process";
  const ConstBytes bytes = blob->bytes();
  blob.reset();
  EXPECT_EQ(pool_->find(bytes).memory, nullptr);
}

TEST_F(UnownedPoolTest, WhatCannotBeSealedIsNotPassed) {
  const BlobRef pooled = allocate(100'000);
  EXPECT_FALSE(pooled->seal());
  EXPECT_TRUE(lies(pooled, audience_)) << "but as memory that can be changed";
  EXPECT_FALSE(make_heap_blob(100)->seal());
}

TEST_F(UnownedPoolTest, HasNothingToSealWhereTheSystemHasNone) {
  const std::size_t descriptors = testing_support::open_descriptors();
  const std::size_t mapped = testing_support::mapped_segments();
  for (FaultySystem::Hook FaultySystem::*hook :
       {&FaultySystem::on_memfd, &FaultySystem::on_fallocate, &FaultySystem::on_mmap}) {
    system_.*hook = fail_with(ENOSPC, 1);
    EXPECT_EQ(pool_->allocate_sealable(10'000), nullptr);
  }
  EXPECT_EQ(pool_->allocate_sealable(std::numeric_limits<std::size_t>::max()), nullptr);
  EXPECT_EQ(testing_support::open_descriptors(), descriptors);
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
}

TEST_F(UnownedPoolTest, WhatHasBeenFreedIsNotFound) {
  BlobRef blob = allocate(5'000);
  const ConstBytes bytes = blob->bytes();
  blob.reset();
  EXPECT_EQ(pool_->find(bytes).memory, nullptr);
}

TEST_F(UnownedPoolTest, IsTrimmedByWhoeverMaySeeASegment) {
  BlobRef blob = allocate(5'000);
  ASSERT_TRUE(lies(blob, audience_));
  blob.reset();
  EXPECT_TRUE(pool_->trim(system_.now(), other_).empty());
  EXPECT_EQ(pool_->trim(system_.now(), audience_).size(), 1U);
}

TEST_F(BlobPoolTest, GivesUpWhatHasBeenFreeForAWhile) {
  BlobRef kept = allocate(1'000'000);
  BlobRef freed = allocate(9'000'000);
  const std::size_t mapped = testing_support::mapped_segments();
  EXPECT_FALSE(pool_->has_free_segments());
  freed.reset();
  EXPECT_TRUE(pool_->has_free_segments());
  const TimePoint since = system_.now() - std::chrono::seconds(5);
  EXPECT_TRUE(pool_->trim(since, audience_).empty());
  system_.pass(std::chrono::seconds(6));
  EXPECT_EQ(pool_->trim(system_.now() - std::chrono::seconds(5), audience_).size(), 1U);
  EXPECT_EQ(testing_support::mapped_segments(), mapped - 1);
  EXPECT_FALSE(pool_->has_free_segments());
  kept.reset();
  system_.pass(std::chrono::seconds(6));
  EXPECT_EQ(pool_->trim(system_.now(), audience_).size(), 1U);
  EXPECT_EQ(allocate(10)->size(), 10U) << "it goes on";
}

TEST_F(BlobPoolTest, WhatIsInUseAgainIsNotGivenUp) {
  allocate(6'000'000).reset();
  system_.pass(std::chrono::seconds(6));
  const BlobRef again = allocate(6'000'000);
  EXPECT_TRUE(pool_->trim(system_.now(), audience_).empty());
}

TEST_F(BlobPoolTest, PutsNothingMoreIntoWhatIsRetired) {
  BlobRef kept = allocate(10'000);
  const auto segment = BlobPool::claim(Attachment(kept), audience_).segment;
  pool_->retire(*segment);
  BlobRef other = allocate(10'000);
  EXPECT_NE(BlobPool::claim(Attachment(other), audience_).segment, segment);
  EXPECT_EQ(BlobPool::claim(Attachment(kept), audience_).segment, segment) << "what lies there stays";
  kept.reset();
  EXPECT_EQ(pool_->trim(system_.now(), audience_), std::vector{segment});
  BlobPool::of_process().retire(*segment);  // which has never had it
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

TEST_F(BlobPoolTest, UsesWhatIsFreeWhereTheSystemHasNoMoreToGrowBy) {
  allocate(200'000).reset();
  system_.on_memfd = fail_with(EMFILE, 1'000);
  for (int i = 0; i < 10; ++i) EXPECT_NE(pool_->allocate(100'000).value(), nullptr) << i;
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
          if (!BlobPool::claim(Attachment(kept.back()), audience_).segment) ++failures;
        } else {
          const BlobRef& last = kept.back();
          if (last->data()[last->size() - 1] != static_cast<std::byte>(thread)) ++failures;
          kept.pop_back();
        }
        if (step % 100 == 0) static_cast<void>(pool_->trim(system_.now(), audience_));
      }
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(failures, 0);
  static_cast<void>(pool_->trim(system_.now(), audience_));
  EXPECT_FALSE(pool_->has_free_segments());
}

}  // namespace
}  // namespace ipcbridge::shm
