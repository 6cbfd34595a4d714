// What a peer passes as its memory, and says to lie in it.
#include "core/shm/peer_blobs.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/shm/linux/peer_blobs_fixture.hpp"
#include "tests/core/support/failing_memory.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/process.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::shm {
namespace {

using testing_support::fail_with;
using testing_support::is_pattern;
using testing_support::pattern;

// A mode in which blobs are received.
struct Mode {
  const char* name;
  bool in_place;
  bool copy_on_write;
  bool maps = true;
};

class PeerBlobsOfAnyMode : public PeerBlobsTest, public testing::WithParamInterface<Mode> {
 protected:
  PeerBlobsOfAnyMode() {
    if (!GetParam().maps) system_.on_mmap = fail_with(ENOMEM);
  }
  std::unique_ptr<PeerBlobs> blobs_ = make(GetParam().in_place, GetParam().copy_on_write);
};

INSTANTIATE_TEST_SUITE_P(Modes, PeerBlobsOfAnyMode,
                         testing::Values(Mode{"InPlace", true, false}, Mode{"CopyOnWrite", true, true},
                                         Mode{"OfAnotherUser", false, false}, Mode{"CopiedToBeWritten", false, true},
                                         Mode{"ReadWhereItCannotBeMapped", true, false, false}),
                         [](const auto& mode) { return mode.param.name; });

TEST_P(PeerBlobsOfAnyMode, ShowsWhatThePeerHasWritten) {
  Passed passed;
  const std::size_t descriptors = testing_support::open_descriptors();
  ASSERT_TRUE(blobs_->add(3, kSize, passed.memory).ok());
  EXPECT_FALSE(passed.memory.valid());
  EXPECT_EQ(testing_support::open_descriptors(), GetParam().maps ? descriptors - 1 : descriptors);
  const Buffer content = pattern(kSize, 1);
  for (const auto& [offset, bytes] : {std::pair(0UL, kSize), {kPage, kPage}, {17UL, 100UL}, {kSize, 0UL}, {0UL, 0UL}}) {
    Result<BlobRef> blob = blobs_->open({bytes, 5, offset, 3});
    ASSERT_TRUE(blob.ok()) << blob.error().message;
    ASSERT_EQ(blob.value()->size(), bytes);
    const ConstBytes expected = ConstBytes(content).subspan(offset, bytes);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), blob.value()->data()));
    blob.value().reset();
    EXPECT_EQ(returned(), Numbers{5});
  }
}

TEST_P(PeerBlobsOfAnyMode, WhatIsWrittenIsSeenByNobodyElse) {
  Passed passed;
  ASSERT_TRUE(blobs_->add(3, kSize, passed.memory).ok());
  const BlobRef blob = blobs_->open({kPage, 5, 0, 3}).value();
  const bool is_seen = GetParam().in_place && GetParam().maps;
  EXPECT_EQ(blob->is_shared(), is_seen);
  EXPECT_EQ(blob->is_writable(), !is_seen || GetParam().copy_on_write);
  if (!blob->is_writable()) return;
  blob->data()[0] = std::byte{99};
  EXPECT_NE(passed.view.data()[0], std::byte{99});
}

TEST_P(PeerBlobsOfAnyMode, NothingLiesBeyondTheEnd) {
  Passed passed;
  ASSERT_TRUE(blobs_->add(3, kSize, passed.memory).ok());
  constexpr std::uint64_t kMost = ~0ULL;
  for (const auto& [bytes, offset] : {std::pair<std::uint64_t, std::uint64_t>{kSize + 1, 0},
                                      {1, kSize},
                                      {kSize, 1},
                                      {0, kSize + 1},
                                      {kMost, 0},
                                      {kMost, 1},
                                      {1, kMost},
                                      {kMost, kMost},
                                      {2, kMost - 1},
                                      {kMost - kPage + 1, kPage},
                                      {kPage, kMost - kPage + 1}}) {
    const Result<BlobRef> blob = blobs_->open({bytes, 5, offset, 3});
    ASSERT_FALSE(blob.ok()) << bytes << " at " << offset;
    EXPECT_EQ(blob.error().code, Code::kDataLoss);
  }
  EXPECT_EQ(blobs_->open({1, 5, 0, 4}).error().code, Code::kDataLoss) << "nor in a segment that was not passed";
}

TEST_P(PeerBlobsOfAnyMode, WhatIsDroppedIsThereForAsLongAsABlobOfIt) {
  const std::size_t mapped = testing_support::mapped_segments();
  Passed passed;
  ASSERT_TRUE(blobs_->add(3, kSize, passed.memory).ok());
  BlobRef blob = blobs_->open({kSize, 5, 0, 3}).value();
  EXPECT_TRUE(blobs_->drop(3));
  EXPECT_FALSE(blobs_->drop(3));
  EXPECT_FALSE(blobs_->open({1, 6, 0, 3}).ok());
  blobs_.reset();
  EXPECT_TRUE(is_pattern(blob->bytes(), 1));
  blob.reset();
  EXPECT_EQ(returned(), Numbers{5});
  passed.view = {};
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
}

TEST_P(PeerBlobsOfAnyMode, WhatNobodyOpensIsReturned) {
  blobs_->decline({1, 9, 0, 3});
  EXPECT_EQ(returned(), Numbers{9});
}

TEST_F(PeerBlobsTest, RefusesWhatIsNotSealed) {
  const auto blobs = make(true);
  for (const int seals : {0, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE, kAllSeals & ~F_SEAL_SHRINK,
                          kAllSeals & ~F_SEAL_GROW, kAllSeals & ~F_SEAL_FUTURE_WRITE}) {
    Passed passed(kSize, seals);
    expect_nonsense(blobs->add(1, kSize, passed.memory));
    EXPECT_TRUE(passed.memory.valid()) << "it is the caller's to close";
  }
  auto [one, two] = testing_support::socket_pair();
  expect_nonsense(blobs->add(1, kSize, one));
  Passed good;
  EXPECT_TRUE(blobs->add(1, kSize, good.memory).ok()) << "the number is still free";
}

TEST_F(PeerBlobsTest, TellsWhetherThePeerCanStillChangeWhatLiesThere) {
  for (const bool copy_on_write : {false, true}) {
    const auto blobs = make(true, copy_on_write);
    Passed changeable;
    Passed sealed(kSize, 0);
    EXPECT_NE(::fcntl(sealed.memory.get(), F_ADD_SEALS, F_SEAL_WRITE), 0) << "while there is a mapping to write with";
    sealed.view = {};
    ASSERT_EQ(::fcntl(sealed.memory.get(), F_ADD_SEALS, kAllSeals | F_SEAL_WRITE), 0);
    ASSERT_TRUE(blobs->add(1, kSize, changeable.memory).ok());
    ASSERT_TRUE(blobs->add(2, kSize, sealed.memory).ok());
    EXPECT_TRUE(blobs->open({kSize, 4, 0, 1}).value()->is_shared());
    const BlobRef blob = blobs->open({kSize, 5, 0, 2}).value();
    EXPECT_FALSE(blob->is_shared());
    EXPECT_TRUE(is_pattern(blob->bytes(), 1));
  }
}

TEST_F(PeerBlobsTest, RefusesWhatIsOfAnotherSize) {
  const auto blobs = make(true);
  Passed passed;
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  const std::vector<std::uint64_t> sizes{0, kPage, kSize - 1, kSize + 1, 2 * kSize, kMost, kMost - kPage + 1};
  for (const std::uint64_t size : sizes) {
    expect_nonsense(blobs->add(1, size, passed.memory));
  }
  Passed odd(kSize + 100);
  expect_nonsense(blobs->add(1, kSize + 100, odd.memory));
  EXPECT_TRUE(blobs->add(1, kSize, passed.memory).ok());
}

// To touch what is missing would be to pay for it, or to die of it.
TEST_F(PeerBlobsTest, RefusesWhatIsNotAllThere) {
  const auto blobs = make(true);
  for (const off_t hole : {off_t{0}, off_t{4 * kPage}, off_t{kSize - kPage}}) {
    Passed passed(kSize, 0);
    passed.view = {};
    ASSERT_EQ(::fallocate(passed.memory.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, hole, kPage), 0);
    ASSERT_EQ(::fcntl(passed.memory.get(), F_ADD_SEALS, kAllSeals), 0);
    expect_nonsense(blobs->add(1, kSize, passed.memory));
  }
}

// Which says of its holes that they are none.
TEST_F(PeerBlobsTest, RefusesHugePages) {
  constexpr std::size_t kHuge = 2UL * 1024 * 1024;
  const Fd supported(::memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB));
  if (!supported.valid()) GTEST_SKIP() << "this kernel has none";
  for (const bool copy_on_write : {false, true}) {
    Passed passed(kHuge, kAllSeals, MFD_HUGETLB);
    expect_nonsense(make(true, copy_on_write)->add(1, kHuge, passed.memory));
  }
}

TEST_F(PeerBlobsTest, RefusesANumberThatIsTaken) {
  const auto blobs = make(true);
  Passed one;
  Passed two;
  ASSERT_TRUE(blobs->add(1, kSize, one.memory).ok());
  expect_nonsense(blobs->add(1, kSize, two.memory));
  EXPECT_TRUE(blobs->drop(1));
  EXPECT_TRUE(blobs->add(1, kSize, two.memory).ok());
}

TEST_F(PeerBlobsTest, RefusesMoreThanAreEverNeeded) {
  const auto blobs = make(true);
  Fd lost;
  for (std::uint32_t number = 0; number < PeerBlobs::kMaxSegments; ++number) {
    ASSERT_TRUE(blobs->add(number, kSize, lost).ok());
  }
  expect_nonsense(blobs->add(PeerBlobs::kMaxSegments, kSize, lost));
  EXPECT_TRUE(blobs->drop(5));
  EXPECT_TRUE(blobs->add(PeerBlobs::kMaxSegments, kSize, lost).ok());
}

TEST_F(PeerBlobsTest, OfASegmentWhoseDescriptorWasLostNothingCanBeHadAndTheBlobsAreReturned) {
  const auto blobs = make(true);
  Fd lost;
  ASSERT_TRUE(blobs->add(1, kSize, lost).ok());
  EXPECT_EQ(blobs->open({10, 4, 0, 1}).error().code, Code::kResourceExhausted);
  EXPECT_EQ(returned(), Numbers{4});
  EXPECT_EQ(blobs->open({kSize + 1, 4, 0, 1}).error().code, Code::kDataLoss);
}

TEST_F(PeerBlobsTest, AForkedChildForgetsNothingAndReturnsNothing) {
  const auto blobs = make(true, true);
  Passed passed;
  ASSERT_TRUE(blobs->add(1, kSize, passed.memory).ok());
  BlobRef blob = blobs->open({kSize, 4, 0, 1}).value();
  const std::byte* const at = blob->data();
  testing_support::Child child([&] {
    // The mapping is not inherited, and something else may come to be there.
    void* const own = ::mmap(const_cast<std::byte*>(at), kSize, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (own != at) return 2;
    std::memset(own, 0x77, kSize);
    blob.reset();
    return static_cast<const volatile std::byte*>(own)[0] == std::byte{0x77} && returns_->empty() ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(PeerBlobsTest, WithoutMemoryASegmentIsAddedLaterAndABlobIsReturned) {
  const auto blobs = make(true, true);
  bool failed = true;
  std::uint32_t number = 0;
  for (std::size_t spared = 0; failed; ++spared, ++number) {
    Passed passed;
    bool added = false;
    Result<BlobRef> blob = BlobRef();
    bool is_open = false;
    {
      const testing_support::FailingMemory failing(spared, 1);
      const testing_support::FailingMemory::Armed armed;
      // As a channel does, which reads the frame again.
      for (int tries = 0; tries < 2 && !added; ++tries) {
        try {
          added = blobs->add(number, kSize, passed.memory).ok();
          ASSERT_TRUE(added);
        } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
        }
      }
      try {
        blob = blobs->open({kSize, 4, 0, number});
        is_open = blob.ok();
      } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
      }
      failed = testing_support::FailingMemory::has_failed();
    }
    ASSERT_TRUE(added) << spared;
    if (is_open) {
      EXPECT_TRUE(is_pattern(blob.value()->bytes(), 1)) << spared;
    }
    blob = BlobRef();
    EXPECT_EQ(returned(), Numbers{4}) << spared;
  }
}

TEST_F(PeerBlobsTest, BlobsEndOnAnyThread) {
  const auto blobs = make(true, true);
  Passed passed;
  ASSERT_TRUE(blobs->add(1, kSize, passed.memory).ok());
  std::vector<std::thread> threads;
  for (int round = 0; round < 200; ++round) {
    BlobRef blob = blobs->open({kPage, 4, static_cast<std::uint64_t>(round % 16) * kPage, 1}).value();
    if (threads.size() == 4) {
      for (std::thread& each : threads) each.join();
      threads.clear();
    }
    threads.emplace_back([blob = std::move(blob)]() mutable {
      blob->data()[0] = std::byte{9};
      blob.reset();
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(returned().size(), 200U);
}

}  // namespace
}  // namespace ipcbridge::shm
