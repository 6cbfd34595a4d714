#include "core/base/blob_returns.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/failing_memory.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

std::vector<std::uint64_t> numbers_of(const std::vector<BlobReturns::Returned>& returned) {
  std::vector<std::uint64_t> numbers;
  for (const BlobReturns::Returned& each : returned) numbers.push_back(each.number);
  return numbers;
}
using Numbers = std::vector<std::uint64_t>;

TEST(BlobReturns, AreTakenOnceAndInOrder) {
  BlobReturns returns;
  EXPECT_TRUE(returns.empty());
  EXPECT_TRUE(returns.take().empty());
  returns.give_back(1, 10);
  returns.give_back(2, 20);
  EXPECT_FALSE(returns.empty());
  const std::vector<BlobReturns::Returned> taken = returns.take();
  EXPECT_EQ(numbers_of(taken), (Numbers{10, 20}));
  EXPECT_EQ(taken[1].connection, 2U);
  EXPECT_TRUE(returns.empty());
}

TEST(BlobReturns, ThatCouldNotBeToldAreTakenAgainBeforeLaterOnes) {
  BlobReturns returns;
  returns.give_back(1, 1);
  returns.give_back(1, 2);
  std::vector<BlobReturns::Returned> taken = returns.take();
  returns.give_back(1, 3);
  returns.put_back(std::move(taken));
  EXPECT_FALSE(returns.empty());
  EXPECT_EQ(numbers_of(returns.take()), (Numbers{1, 2, 3}));
  returns.put_back({});
  EXPECT_TRUE(returns.empty());
}

TEST(BlobReturns, AreSentByWhoeverDoesThat) {
  BlobReturns returns;
  int sent = 0;
  returns.send();
  returns.give_back(1, 1);
  returns.send();
  returns.set_sender([&] {
    ++sent;
    static_cast<void>(returns.take());
  });
  returns.send();
  EXPECT_EQ(sent, 1);
  returns.send();
  EXPECT_EQ(sent, 1) << "there are none";
  returns.give_back(1, 2);
  returns.set_sender(nullptr);
  returns.send();
  EXPECT_EQ(sent, 1);
}

TEST(BlobReturns, WithoutMemoryOneIsNotNotedAndTheOthersAre) {
  BlobReturns returns;
  {
    const testing_support::FailingMemory failing(0, 1);
    const testing_support::FailingMemory::Armed armed;
    returns.give_back(1, 1);
  }
  EXPECT_TRUE(returns.empty());
  returns.give_back(1, 2);
  EXPECT_EQ(numbers_of(returns.take()), Numbers{2});
}

TEST(BlobReturns, AForkedChildReturnsNothing) {
  BlobReturns returns;
  int sent = 0;
  returns.set_sender([&] { ++sent; });
  returns.give_back(1, 1);
  testing_support::Child child([&] {
    returns.give_back(1, 2);
    returns.send();
    returns.set_sender(nullptr);
    return sent == 0 && returns.take().size() == 1 ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(BlobReturns, ComeFromAnyThreadAndNoneIsLost) {
  constexpr std::uint64_t kEach = 2'000;
  BlobReturns returns;
  std::atomic<std::uint64_t> sum{0};
  returns.set_sender([&] {
    for (const BlobReturns::Returned& each : returns.take()) sum += each.number;
  });
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (std::uint64_t number = 1; number <= kEach; ++number) {
        returns.give_back(1, number);
        if (number % 7 == 0) returns.send();
      }
    });
  }
  for (std::thread& each : threads) each.join();
  returns.set_sender(nullptr);
  for (const BlobReturns::Returned& each : returns.take()) sum += each.number;
  EXPECT_EQ(sum, 4 * kEach * (kEach + 1) / 2);
}

}  // namespace
}  // namespace ipcbridge
