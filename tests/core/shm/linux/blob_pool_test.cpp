#include "core/shm/blob_pool.hpp"

#include <fcntl.h>

#include <gtest/gtest.h>

#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/process.hpp"

namespace ipcbridge::shm {
namespace {

TEST(BlobPoolOfLinux, IsNullAndLeaksNothingWhereItCannotSeal) {
  testing_support::FaultySystem system;
  const auto pool = std::make_shared<BlobPool>(system, 1'000'000);
  const std::size_t descriptors = testing_support::open_descriptors();
  const std::size_t mapped = testing_support::mapped_segments();
  // It is mapped last before that: what was sealed by somebody else cannot be sealed again.
  system.on_mmap = [] {
    for (int fd = 3; fd < 1000; ++fd) {
      if ((::fcntl(fd, F_GET_SEALS) & ~F_SEAL_SEAL) == 0 && ::fcntl(fd, F_GET_SEALS) >= 0) {
        ::fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL);
      }
    }
    return false;
  };
  const Result<BlobRef> none = pool->allocate(10'000);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none.value(), nullptr);
  EXPECT_EQ(testing_support::open_descriptors(), descriptors);
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
}

}  // namespace
}  // namespace ipcbridge::shm
