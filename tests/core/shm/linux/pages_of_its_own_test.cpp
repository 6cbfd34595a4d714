#include "core/shm/linux/pages_of_its_own.hpp"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <cstdio>

#include <gtest/gtest.h>

#include "core/base/system.hpp"
#include "core/shm/memory.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::shm {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kSize = 2000 * kPage;

// Linux 6.7 does.
bool kernel_tells() {
  struct utsname system {};
  int major = 0;
  int minor = 0;
  if (::uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 6 || (major == 6 && minor >= 7);
}

class PagesOfItsOwn : public testing::Test {
 protected:
  bool has_some(std::size_t offset = 0, std::size_t size = kSize) const {
    return may_have_pages_of_its_own(private_.data() + offset, size);
  }
  std::byte& at(std::size_t offset) const { return private_.data()[offset]; }

  Fd memory_ = make_memory(System::real(), kSize).value();
  Mapping shared_ = map_memory(System::real(), memory_.get(), kSize, Access::kReadWrite).value();
  Mapping private_ = map_memory(System::real(), memory_.get(), kSize, Access::kCopyOnWrite).value();
};

TEST_F(PagesOfItsOwn, AreThoseThatWereWrittenTo) {
  if (!kernel_tells()) GTEST_SKIP() << "this kernel does not tell";
  for (std::size_t offset = 0; offset < kSize; offset += kPage) {
    shared_.data()[offset] = std::byte{1};
    ASSERT_EQ(at(offset), std::byte{1});
  }
  EXPECT_FALSE(has_some()) << "although all have been read";
  for (const std::size_t offset : {std::size_t{0}, 1000 * kPage, kSize - 1}) {
    at(offset) = std::byte{2};
    EXPECT_TRUE(has_some());
    EXPECT_TRUE(has_some(offset / kPage * kPage, kPage));
    EXPECT_FALSE(has_some(500 * kPage, 100 * kPage));
    forget_writes(private_.data(), kSize);
    EXPECT_FALSE(has_some());
    EXPECT_NE(at(offset), std::byte{2});
  }
}

TEST_F(PagesOfItsOwn, ComeOfAPageFault) {
  EXPECT_EQ(at(0), std::byte{0});
  const std::uint64_t before = page_faults();
  at(0) = std::byte{2};
  EXPECT_NE(page_faults(), before);
}

TEST_F(PagesOfItsOwn, MayBeThereWhereNobodyTells) {
  testing_support::Child child([&] {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 2;
    return may_have_pages_of_its_own(private_.data(), kSize) ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace ipcbridge::shm
