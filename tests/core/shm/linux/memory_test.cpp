// Every lie that a descriptor from a peer can tell.
#include "core/shm/memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "core/shm/segment.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/process.hpp"
#include "tests/core/support/support.hpp"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace ipcbridge::shm {
namespace {

using testing_support::Child;
using testing_support::fail_with;
using testing_support::FaultySystem;

OwnSegment make() {
  Result<OwnSegment> segment = create_segment(System::real(), kDefaultRingBytes);
  EXPECT_TRUE(segment.ok()) << segment.error().message;
  return std::move(segment).value();
}

void write_all(const Fd& fd, std::size_t size, const SegmentHeader& header) {
  const Buffer zeros(size);
  EXPECT_EQ(::pwrite(fd.get(), zeros.data(), size, 0), static_cast<ssize_t>(size));
  EXPECT_EQ(::pwrite(fd.get(), &header, sizeof header, 0), sizeof header);
}

// A memfd of this size with these seals, and a header that says so.
Fd forge(std::size_t size, int seals, const SegmentHeader& header = {kMagic, kDefaultRingBytes, kPadding}) {
  Fd fd(::memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  write_all(fd, size, header);
  EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
  return fd;
}

constexpr int kAllSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE;
constexpr std::size_t kGoodSize = kHeaderBytes + kDefaultRingBytes;

void expect_refused(int fd, const std::string& why) {
  const Result<PeerSegment> segment = open_segment(System::real(), fd);
  ASSERT_FALSE(segment.ok());
  EXPECT_EQ(segment.error().code, Code::kFailedPrecondition);
  EXPECT_NE(segment.error().message.find(why), std::string::npos) << segment.error().message;
}

TEST(SealedMemory, IsSealedSoThatNobodyCanResizePunchOrWriteIt) {
  const OwnSegment segment = make();
  const int fd = segment.memory.get();
  EXPECT_NE(::ftruncate(fd, 4096), 0);
  EXPECT_NE(::ftruncate(fd, 1 << 20), 0);
  EXPECT_NE(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  EXPECT_NE(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
  EXPECT_LT(::pwrite(fd, "x", 1, 0), 0);
}

TEST(SealedMemory, WithAnySealMissingIsRefused) {
  for (const int seals : {0, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE, kAllSeals & ~F_SEAL_SHRINK,
                          kAllSeals & ~F_SEAL_GROW, kAllSeals & ~F_SEAL_FUTURE_WRITE}) {
    expect_refused(forge(kGoodSize, seals).get(), "not sealed");
  }
}

TEST(SealedMemory, OfAWrongSizeIsRefused) {
  for (const std::size_t size : {std::size_t{0} + 16, kHeaderBytes, kGoodSize - 1, kGoodSize + 4096,
                                 kHeaderBytes + kMinRingBytes / 2, kHeaderBytes + 2 * kMaxRingBytes}) {
    expect_refused(forge(size, kAllSeals).get(), "size");
  }
}

// Segments of which less is there than their size says. To read what is missing would be to pay for it.
class HollowSegment : public testing::Test {
 protected:
  static constexpr off_t kSize = kGoodSize;

  HollowSegment() {
    EXPECT_EQ(::ftruncate(fd_.get(), kSize), 0);
    const SegmentHeader header = header_;
    EXPECT_EQ(::pwrite(fd_.get(), &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
  }

  // As many blocks as the size wants, but where nobody reads them.
  void reserve_beyond_the_end() { EXPECT_EQ(::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, kSize, kSize), 0); }

  void expect_to_be_refused() {
    ASSERT_EQ(::fcntl(fd_.get(), F_ADD_SEALS, kAllSeals), 0);
    const auto before = blocks();
    expect_refused(fd_.get(), "not all of its memory is there");
    EXPECT_EQ(blocks(), before) << "the check itself costs memory";
  }

  blkcnt_t blocks() const {
    struct stat info {};
    EXPECT_EQ(::fstat(fd_.get(), &info), 0);
    return info.st_blocks;
  }

  SegmentHeader header_{kMagic, kDefaultRingBytes, kPadding};
  Fd fd_{::memfd_create("hollow", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
};

TEST_F(HollowSegment, OfWhichNothingWasReservedIsRefused) { expect_to_be_refused(); }

TEST_F(HollowSegment, ThatWasReservedAndNeverWrittenIsRefused) {
  ASSERT_EQ(::fallocate(fd_.get(), 0, 0, kSize), 0);
  expect_to_be_refused();
}

TEST_F(HollowSegment, WhoseBlocksLieBeyondItsEndIsRefused) {
  reserve_beyond_the_end();
  expect_to_be_refused();
}

TEST_F(HollowSegment, WithAHoleThatBlocksBeyondItsEndMakeUpForIsRefused) {
  write_all(fd_, kGoodSize, header_);
  reserve_beyond_the_end();
  ASSERT_EQ(::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kSize / 2 / 4096 * 4096, 4096), 0);
  expect_to_be_refused();
}

TEST_F(HollowSegment, ThatEndsInAHoleIsRefused) {
  write_all(fd_, kGoodSize, header_);
  reserve_beyond_the_end();
  ASSERT_EQ(::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kSize - 4096, 4096), 0);
  expect_to_be_refused();
}

TEST(SealedMemory, CostsItsReaderNothing) {
  const Fd fd = forge(kGoodSize, kAllSeals);
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::fstat(fd.get(), &before), 0);
  const PeerSegment segment = open_segment(System::real(), fd.get()).value();
  std::byte sum{};
  for (std::size_t at = 0; at < kDefaultRingBytes; at += 512) sum |= segment.ring()[at];
  EXPECT_EQ(sum, std::byte{0});
  ASSERT_EQ(::fstat(fd.get(), &after), 0);
  EXPECT_EQ(after.st_blocks, before.st_blocks);
}

TEST(SealedMemory, WithAWrongHeaderIsRefused) {
  expect_refused(forge(kGoodSize, kAllSeals, {kMagic + 1, kDefaultRingBytes, kPadding}).get(), "header");
  expect_refused(forge(kGoodSize, kAllSeals, {kMagic, 2 * kDefaultRingBytes, kPadding}).get(), "header");
  EXPECT_TRUE(open_segment(System::real(), forge(kGoodSize, kAllSeals).get()).ok());
}

TEST(SealedMemory, WhoseStateIsNotInItsFirstPageIsRefused) {
  for (const std::uint64_t offset :
       {std::uint64_t{0}, std::uint64_t{kPadding + 8}, kHeaderBytes - sizeof(SharedState) + kPadding,
        std::uint64_t{kHeaderBytes}, kGoodSize, ~std::uint64_t{0} - kPadding + 1}) {
    expect_refused(forge(kGoodSize, kAllSeals, {kMagic, kDefaultRingBytes, offset}).get(), "header");
  }
  const std::uint64_t last = kHeaderBytes - sizeof(SharedState);
  EXPECT_TRUE(open_segment(System::real(), forge(kGoodSize, kAllSeals, {kMagic, kDefaultRingBytes, last}).get()).ok());
}

TEST(SealedMemory, ThatIsNoMemoryIsRefused) {
  const Fd file(::open("/dev/zero", O_RDWR | O_CLOEXEC));
  expect_refused(file.get(), "not sealed");
  const auto [one, two] = testing_support::socket_pair();
  expect_refused(one.get(), "not sealed");
  expect_refused(-1, "not sealed");
}

TEST(SealedMemory, IsReservedAlthoughSignalsInterrupt) {
  FaultySystem system;
  system.on_fallocate = fail_with(EINTR, 3);
  EXPECT_TRUE(create_segment(system, kDefaultRingBytes).ok());
}

TEST(SealedMemory, IsNotInheritedByAForkedChild) {
  const OwnSegment segment = make();
  const auto address = reinterpret_cast<std::uintptr_t>(segment.mapping.data());
  Child child([&] {
    std::ifstream maps("/proc/self/maps");
    std::ostringstream start;
    start << std::hex << address << '-';
    for (std::string line; std::getline(maps, line);) {
      if (line.starts_with(start.str())) return 1;
    }
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(SealedMemory, HasNoNameInTheFileSystem) {
  const OwnSegment segment = make();
  EXPECT_GT(testing_support::mapped_segments(), 0U);
  EXPECT_NE(::access("/dev/shm/ipcbridge", F_OK), 0);
}

}  // namespace
}  // namespace ipcbridge::shm
