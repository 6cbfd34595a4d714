#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/shm/peer_blobs.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/support.hpp"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace ipcbridge::shm {

inline constexpr std::size_t kPage = 4096;
inline constexpr std::size_t kSize = 16 * kPage;
inline constexpr int kAllSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE;

// A segment as a peer makes it, of which it has a mapping to write to.
struct Passed {
  explicit Passed(std::size_t size = kSize, int seals = kAllSeals, unsigned flags = 0)
      : memory(::memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags)) {
    EXPECT_EQ(::ftruncate(memory.get(), static_cast<off_t>(size)), 0);
    if (flags == 0) {
      const Buffer content = testing_support::pattern(size, 1);
      EXPECT_EQ(::pwrite(memory.get(), content.data(), size, 0), static_cast<ssize_t>(size));
      view = map_memory(System::real(), memory.get(), size, Access::kReadWrite).value();
    }
    EXPECT_EQ(::fcntl(memory.get(), F_ADD_SEALS, seals), 0);
  }
  Fd memory;
  Mapping view;
};

class PeerBlobsTest : public testing::Test {
 protected:
  std::unique_ptr<PeerBlobs> make(bool in_place, bool copy_on_write = false) {
    auto blobs = std::make_unique<PeerBlobs>(system_, in_place);
    blobs->receive_as({returns_, 7, copy_on_write});
    return blobs;
  }
  // The next of these numbers.
  std::vector<std::uint64_t> returned() {
    std::vector<std::uint64_t> numbers;
    for (const auto& [connection, number] : returns_->take()) {
      EXPECT_EQ(connection, 7U);
      numbers.push_back(number);
    }
    return numbers;
  }
  static void expect_nonsense(const Status& status) {
    ASSERT_FALSE(status.ok());
    EXPECT_TRUE(status.error().code == Code::kDataLoss || status.error().code == Code::kFailedPrecondition)
        << status.error().message;
  }
  using Numbers = std::vector<std::uint64_t>;

  testing_support::FaultySystem system_;
  std::shared_ptr<BlobReturns> returns_ = std::make_shared<BlobReturns>();
};

}  // namespace ipcbridge::shm
