#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <limits>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>

#include <gtest/gtest.h>

#include "ipcbridge/code.hpp"

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/futex.hpp"
#include "core/base/id_map.hpp"
#include "core/base/utf8.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;

TEST(CodeNames, AreTheGrpcStatusNamesInTheirOrder) {
  const std::vector<std::string> names = {
      "ok",        "cancelled",      "unknown",           "invalid_argument",   "deadline_exceeded",
      "not_found", "already_exists", "permission_denied", "resource_exhausted", "failed_precondition",
      "aborted",   "out_of_range",   "unimplemented",     "internal",           "unavailable",
      "data_loss", "unauthenticated"};
  ASSERT_EQ(names.size(), kCodeCount);
  for (std::uint8_t number = 0; number < kCodeCount; ++number) {
    const Code code = code_from_number(number).value();
    EXPECT_EQ(code_name(code), names[number]);
    EXPECT_EQ(code_from_name(names[number]), code);
  }
  EXPECT_FALSE(code_from_number(kCodeCount).has_value());
  EXPECT_FALSE(code_from_name("OK").has_value());
  EXPECT_FALSE(code_from_name("").has_value());
}

TEST(Clocks, ATimeoutOfCenturiesMeansNever) {
  const TimePoint now = Clock::now();
  EXPECT_EQ(deadline_after(now, Duration::max()), kNever);
  EXPECT_EQ(deadline_after(now, kNever - now), kNever);
  EXPECT_EQ(deadline_after(now, std::chrono::seconds(1)), now + std::chrono::seconds(1));
}

TEST(Clocks, AForgedNumberOfMicrosecondsIsALongTime) {
  using std::chrono::microseconds;
  EXPECT_EQ(from_microseconds(0), Duration::zero());
  EXPECT_EQ(from_microseconds(1'500'000), microseconds(1'500'000));
  const auto most = static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(Duration::max()).count());
  EXPECT_EQ(from_microseconds(most), microseconds(most));
  for (const std::uint64_t forged : {most + 1, std::uint64_t{1} << 63U, ~std::uint64_t{0}}) {
    EXPECT_EQ(from_microseconds(forged), Duration::max());
    EXPECT_EQ(deadline_after(Clock::now(), from_microseconds(forged)), kNever);
  }
}

// Ids that ascend, ids at random, and ids that are all at home in one place.
class IdMapTest : public testing::TestWithParam<int> {};

TEST_P(IdMapTest, DoesWhatAStandardMapDoes) {
  // The inverse of the multiplier: multiples of it hash to small numbers, whose high bits are all zero.
  constexpr std::uint64_t kInverse = 0xF1DE83E19937733DULL;
  std::mt19937_64 random(static_cast<unsigned>(GetParam()));
  IdMap<std::uint64_t> map;
  std::unordered_map<std::uint64_t, std::uint64_t> truth;
  std::uint64_t next = 0;
  const auto pick = [&] {
    const std::uint64_t small = random() % 200;
    return GetParam() == 0 ? next - small : GetParam() == 1 ? random() % 500 : small * kInverse;
  };
  for (int step = 0; step < 100'000; ++step) {
    const std::uint64_t id = GetParam() == 0 && random() % 2 == 0 ? ++next : pick();
    ASSERT_EQ(map.find(id) != nullptr, truth.contains(id));
    if (random() % 2 == 0) {
      if (!truth.contains(id)) {
        EXPECT_EQ(map.insert(id, std::uint64_t{id ^ 1U}), id ^ 1U);
        truth[id] = id ^ 1U;
      }
    } else {
      ASSERT_EQ(map.erase(id), truth.erase(id) == 1);
    }
    ASSERT_EQ(map.size(), truth.size());
  }
  std::size_t seen = 0;
  map.for_each([&](std::uint64_t id, std::uint64_t& value) {
    ++seen;
    EXPECT_EQ(truth.at(id), value);
  });
  EXPECT_EQ(seen, truth.size());
  map.clear();
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.find(1), nullptr);
  map.insert(1, 2);
  EXPECT_EQ(*map.find(1), 2U);
}

INSTANTIATE_TEST_SUITE_P(Ids, IdMapTest, testing::Values(0, 1, 2), [](const auto& param) {
  return param.param == 0 ? "Ascending" : param.param == 1 ? "Random" : "Colliding";
});

TEST(Descriptors, OfAParentAreClosedInItsForkedChild) {
  auto [one, two] = testing_support::socket_pair();
  const int number = one.get();
  Child child([&] { return ::fcntl(number, F_GETFD) == -1 && !one.valid() ? 0 : 1; });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(one.valid());
}

TEST(Descriptors, EndWithTheParentAlthoughAChildLives) {
  auto [one, two] = testing_support::socket_pair();
  int stop[2];
  ASSERT_EQ(::pipe(stop), 0);
  Child child([&] {
    char byte = 0;
    return ::read(stop[0], &byte, 1) == 1 ? 0 : 1;
  });
  one.reset();
  EXPECT_TRUE(testing_support::wait_for(two.get(), POLLIN)) << "the hang-up must not wait for the child to end";
  ASSERT_EQ(::write(stop[1], "x", 1), 1);
  EXPECT_EQ(child.wait(), 0);
  ::close(stop[0]);
  ::close(stop[1]);
}

TEST(Descriptors, MoveAndCloseOnce) {
  auto [one, two] = testing_support::socket_pair();
  const int number = one.get();
  Fd moved = std::move(one);
  EXPECT_EQ(moved.get(), number);
  moved = Fd();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(Futex, WakesItsWaiterAndKeepsItsDeadline) {
  std::atomic<std::uint32_t> word{0};
  futex_wait(System::real(), word, 1, kNever);  // not equal: returns at once
  futex_wait(System::real(), word, 0, Clock::now());
  futex_wait(System::real(), word, 0, Clock::now() - std::chrono::hours(1));
  std::thread waiter([&] {
    while (word.load() == 0) futex_wait(System::real(), word, 0, kNever);
  });
  word.store(1);
  futex_wake_one(word);
  waiter.join();
}

TEST(Futex, GoesByTheClockOfItsSystem) {
  testing_support::FaultySystem system;
  system.pass(std::chrono::hours(1));
  const std::atomic<std::uint32_t> word{0};
  futex_wait(system, word, 0, Clock::now() + std::chrono::minutes(59));
  futex_wait(system, word, 0, system.now() + std::chrono::milliseconds(1));
}

TEST(Utf8, IsCutBetweenCharacters) {
  EXPECT_EQ(cut_utf8("short", 5), "short");
  EXPECT_EQ(cut_utf8("longer", 4), "long");
  EXPECT_EQ(cut_utf8("\xC3\xA9\xC3\xA9", 3), "\xC3\xA9");
  EXPECT_EQ(cut_utf8("a\xE2\x82\xAC", 3), "a");
  EXPECT_EQ(cut_utf8("a\xE2\x82\xAC!", 4), "a\xE2\x82\xAC");
  for (std::size_t size = 1; size < 5; ++size) EXPECT_EQ(cut_utf8("a\xF0\x9F\x90\xA7", size), "a");
  EXPECT_EQ(cut_utf8("\xC3\xA9", 0), "");
}

TEST(Utf8, WhatIsShownHasVisibleCharactersOnly) {
  EXPECT_EQ(printable("calc \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x8D", 80),
            "calc \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x8D");
  EXPECT_EQ(printable("a\nb\x1B\x7F", 80), "a?b??") << "control characters";
  EXPECT_EQ(printable("\xC2\x85\xE2\x80\xAE", 80), "?????") << "of Unicode, and what turns the direction";
  EXPECT_EQ(printable("\xC2\xAD\xD8\x9C\xE1\xA0\x8E", 80), "???????")
      << "a soft hyphen, an Arabic mark, a Mongolian separator";
  EXPECT_EQ(printable("\xC3", 80), "?") << "a part of a character";
  EXPECT_EQ(printable("\xC0\xAF\xED\xA0\x80\xF5\x80", 80), "???????") << "overlong, a surrogate, beyond Unicode";
  EXPECT_EQ(printable("ab\xC3\xA9", 3), "ab");
}

TEST(Utf8, WhatIsNoneIsCutWhereItIs) { EXPECT_EQ(cut_utf8(std::string(9, '\x80'), 6).size(), 6U); }

}  // namespace
}  // namespace ipcbridge
