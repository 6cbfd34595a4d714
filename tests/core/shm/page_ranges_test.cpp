#include "core/shm/page_ranges.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge::shm {
namespace {

constexpr std::size_t kPages = 64;

// Which pages are taken, each by itself.
class Model {
 public:
  // The smallest run of free pages of at least `wanted`; 0 when there is none.
  std::size_t best_fit(std::size_t wanted) const {
    std::size_t best = 0;
    for (std::size_t at = 0; at < kPages;) {
      std::size_t run = 0;
      while (at + run < kPages && !taken_[at + run]) ++run;
      if (run >= wanted && (best == 0 || run < best)) best = run;
      at += std::max<std::size_t>(run, 1);
    }
    return best;
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
      const std::size_t best = ranges.best_fit(pages * kPageBytes);
      ASSERT_EQ(best, model.best_fit(pages) * kPageBytes);
      if (best != 0 && random() % 2 == 0) {
        const std::size_t offset = ranges.take(best, pages * kPageBytes);
        ASSERT_EQ(offset % kPageBytes, 0U);
        model.set(offset / kPageBytes, pages, true);
        taken.push_back({offset, pages});
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
    EXPECT_EQ(ranges.best_fit(kPages * kPageBytes), kPages * kPageBytes);
  }
}

TEST(PageRanges, OfWhichAllIsTakenFitNothing) {
  PageRanges ranges(2 * kPageBytes);
  EXPECT_EQ(ranges.best_fit(3 * kPageBytes), 0U);
  EXPECT_EQ(ranges.take(ranges.best_fit(2 * kPageBytes), 2 * kPageBytes), 0U);
  EXPECT_EQ(ranges.best_fit(kPageBytes), 0U);
  EXPECT_FALSE(ranges.all_free());
}

}  // namespace
}  // namespace ipcbridge::shm
