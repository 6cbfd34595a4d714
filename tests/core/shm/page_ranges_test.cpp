#include "core/shm/page_ranges.hpp"

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge::shm {
namespace {

constexpr std::size_t kPages = 64;

// Which pages are taken, each by itself.
class Model {
 public:
  // The first page, from `from` on, of `wanted` that are free.
  std::optional<std::size_t> first_fit(std::size_t from, std::size_t wanted) const {
    std::size_t run = 0;
    for (std::size_t at = from; at < kPages; ++at) {
      run = taken_[at] ? 0 : run + 1;
      if (run == wanted) return at + 1 - wanted;
    }
    return std::nullopt;
  }
  void set(std::size_t from, std::size_t count, bool taken) {
    for (std::size_t at = from; at < from + count; ++at) {
      EXPECT_NE(taken_[at], taken) << "page " << at;
      taken_[at] = taken;
    }
  }
  bool all_free() const {
    return std::none_of(taken_.begin(), taken_.end(), [](bool taken) { return taken; });
  }

 private:
  std::vector<bool> taken_ = std::vector<bool>(kPages, false);
};

TEST(PageRanges, AgreesWithAModelWhateverIsTakenAndGiven) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same each time
  struct Taken {
    std::size_t offset;
    std::size_t pages;
  };
  for (int round = 0; round < 50; ++round) {
    PageRanges ranges(kPages * kPageBytes);
    Model model;
    std::vector<Taken> taken;
    for (int step = 0; step < 400; ++step) {
      const std::size_t pages = 1 + random() % 12;
      const std::size_t from = random() % 2 == 0 ? 0 : random() % kPages;
      const std::optional<std::size_t> first = model.first_fit(from, pages);
      const std::optional<std::size_t> offset = ranges.first_fit(from * kPageBytes, pages * kPageBytes);
      ASSERT_EQ(offset.has_value(), first.has_value());
      if (first && random() % 2 == 0) {
        ASSERT_EQ(*offset, *first * kPageBytes);
        ranges.take(*offset, pages * kPageBytes);
        model.set(*first, pages, true);
        taken.push_back({*offset, pages});
      } else if (!taken.empty()) {
        std::swap(taken[random() % taken.size()], taken.back());
        ranges.give(taken.back().offset, taken.back().pages * kPageBytes);
        model.set(taken.back().offset / kPageBytes, taken.back().pages, false);
        taken.pop_back();
      }
      ASSERT_EQ(ranges.all_free(), model.all_free());
    }
    for (const Taken& each : taken) ranges.give(each.offset, each.pages * kPageBytes);
    EXPECT_TRUE(ranges.all_free()) << "neighbours are one range again";
    EXPECT_EQ(ranges.first_fit(0, kPages * kPageBytes), 0U);
  }
}

TEST(PageRanges, OfWhichAllIsTakenFitNothing) {
  PageRanges ranges(2 * kPageBytes);
  EXPECT_EQ(ranges.first_fit(0, 3 * kPageBytes), std::nullopt);
  ranges.take(0, 2 * kPageBytes);
  EXPECT_EQ(ranges.first_fit(0, kPageBytes), std::nullopt);
  EXPECT_EQ(ranges.first_fit(2 * kPageBytes, kPageBytes), std::nullopt);
  EXPECT_FALSE(ranges.all_free());
}

}  // namespace
}  // namespace ipcbridge::shm
