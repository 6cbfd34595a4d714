#include "core/endpoint/call_queue.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

using Key = std::pair<std::uint64_t, std::uint64_t>;  // connection and id
using Keys = std::vector<Key>;

class CallQueueTest : public testing::Test {
 protected:
  void push(std::uint64_t connection, std::uint64_t id) {
    InboundCall call;
    call.key = {connection, id};
    queue_.push(std::move(call));
  }
  void push_many(std::uint64_t connection, std::uint64_t count) {
    for (std::uint64_t id = 1; id <= count; ++id) push(connection, id);
  }
  Keys pop(std::size_t most) {
    Keys keys;
    for (InboundCall call; keys.size() < most && queue_.pop(call);) keys.emplace_back(call.key.connection, call.key.id);
    return keys;
  }

  CallQueue queue_;
};

TEST_F(CallQueueTest, GivesTheCallsOfAConnectionInTheirOrder) {
  push_many(7, 4);
  EXPECT_EQ(pop(10), (Keys{{7, 1}, {7, 2}, {7, 3}, {7, 4}}));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(CallQueueTest, LetsConnectionsTakeTurns) {
  push_many(1, 3);
  push_many(2, 2);
  push_many(3, 1);
  EXPECT_EQ(pop(10), (Keys{{1, 1}, {2, 1}, {3, 1}, {1, 2}, {2, 2}, {1, 3}}));
}

TEST_F(CallQueueTest, KeepsWhoCallsOnceWaitingForOneCallOfEachOther) {
  for (std::uint64_t greedy = 1; greedy <= 50; ++greedy) push_many(greedy, 1000);
  for (std::uint64_t id = 1; id <= 100; ++id) {
    push(99, id);
    const Keys before = pop(51);
    EXPECT_EQ(before.back(), (Key{99, id}));
  }
}

TEST_F(CallQueueTest, LetsThoseThatHaveEndedTakeOneTurnTogether) {
  for (std::uint64_t ended = 1; ended <= 100; ++ended) {
    push_many(ended, 2);
    queue_.end_connection(ended);
  }
  push_many(200, 3);
  EXPECT_EQ(pop(6), (Keys{{1, 1}, {200, 1}, {1, 2}, {200, 2}, {2, 1}, {200, 3}}));
  EXPECT_EQ(queue_.size(), 197U);
}

TEST_F(CallQueueTest, CancelsACallWhereverItWaits) {
  push_many(1, 3);
  push_many(2, 3);
  push_many(3, 1);
  push_many(4, 2);
  queue_.end_connection(4);
  EXPECT_TRUE(queue_.cancel({1, 1})) << "the next";
  EXPECT_TRUE(queue_.cancel({2, 2}));
  EXPECT_TRUE(queue_.cancel({3, 1})) << "the only one of its connection";
  EXPECT_TRUE(queue_.cancel({4, 2})) << "of a connection that has ended";
  EXPECT_FALSE(queue_.cancel({3, 1}));
  EXPECT_FALSE(queue_.cancel({5, 1}));
  EXPECT_EQ(pop(10), (Keys{{1, 2}, {2, 1}, {4, 1}, {1, 3}, {2, 3}}));
}

// The same, slow and simple.
class RoundOfQueues {
 public:
  void push(std::uint64_t connection, std::uint64_t id) { add(connection, {connection, id}); }

  Keys pop() {
    if (round_.empty()) return {};
    auto [connection, keys] = std::move(round_.front());
    round_.pop_front();
    Keys popped{keys.front()};
    keys.erase(keys.begin());
    if (!keys.empty()) round_.emplace_back(connection, std::move(keys));
    return popped;
  }

  bool cancel(Key key) {
    for (auto its = round_.begin(); its != round_.end(); ++its) {
      if (std::erase(its->second, key) == 0) continue;
      if (its->second.empty()) round_.erase(its);
      return true;
    }
    return false;
  }

  void end(std::uint64_t connection) {
    const auto its = find(connection);
    if (its == round_.end()) return;
    for (const Key& key : its->second) add(0, key);
    round_.erase(find(connection));
  }

 private:
  using Queue = std::pair<std::uint64_t, Keys>;

  std::deque<Queue>::iterator find(std::uint64_t connection) {
    return std::find_if(round_.begin(), round_.end(), [&](const Queue& each) { return each.first == connection; });
  }
  void add(std::uint64_t connection, Key key) {
    if (find(connection) == round_.end()) round_.emplace_back(connection, Keys{});
    find(connection)->second.push_back(key);
  }

  std::deque<Queue> round_;
};

TEST_F(CallQueueTest, BehavesLikeARoundOfQueuesWhateverIsDone) {
  std::mt19937_64 random(1);  // NOLINT(bugprone-random-generator-seed): the same each time
  RoundOfQueues expected;
  std::array<std::uint64_t, 6> connections{1, 2, 3, 4, 5, 6};
  Keys pushed{{0, 0}};
  for (std::uint64_t step = 0; step < 200'000; ++step) {
    std::uint64_t& connection = connections.at(random() % connections.size());
    const std::uint64_t pushes = step / 5000 % 2 == 0 ? 55 : 40;  // the queue grows, and is empty again
    const std::uint64_t what = random() % 100;
    if (what < pushes) {
      pushed.emplace_back(connection, step);
      push(connection, step);
      expected.push(connection, step);
    } else if (what < 90) {
      ASSERT_EQ(pop(1), expected.pop()) << step;
    } else if (what < 97) {
      const auto [its, id] = pushed[pushed.size() - 1 - random() % std::min<std::size_t>(pushed.size(), 20)];
      ASSERT_EQ(queue_.cancel({its, id}), expected.cancel({its, id})) << step;
    } else {
      queue_.end_connection(connection);
      expected.end(connection);
      if (random() % 2 == 0) connection = 10 + step;  // another; or there are still some of this one to come
    }
  }
}

}  // namespace
}  // namespace ipcbridge
