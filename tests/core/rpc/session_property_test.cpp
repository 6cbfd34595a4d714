#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_conversation.hpp"
#include "tests/core/rpc/session_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::converse;
using testing_support::is_pattern;
using testing_support::pattern;
using testing_support::SessionSide;

// One side as a random user of its Session, which keeps its own books of what must happen.
class Actor {
 public:
  Actor(Session::Side side, const Limits& ours, const Limits& theirs) : side_(side, ours, theirs), limits_(ours) {}

  SessionSide& side() { return side_; }

  void act(std::mt19937& random) {
    side_.capacity = random() % 6;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        return begin(random);
      case 3:
      case 4:
        return answer(random);
      case 5:
        return cancel(random);
      case 6:
        // Late, or little else would happen.
        if (++steps_ > 300) side_.session.goaway();
        break;
      default:
        side_.session.flush_round();
    }
    EXPECT_LE(side_.session.inbound_calls(), limits_.max_pending_calls);
  }

  // Answers everything and lets everything flow.
  void finish(std::mt19937& random) {
    side_.capacity = ~std::size_t{0};
    side_.session.flush_round();
    answer(random);
  }

  // Each call that was not cancelled ended exactly once, with what its callee answered.
  void check() {
    for (const auto& [token, size] : expected_) {
      const auto found = side_.outcomes.find(token);
      ASSERT_NE(found, side_.outcomes.end()) << "call " << token << " never ended";
      ASSERT_EQ(found->second.size(), 1U) << "call " << token;
      const auto& ended = found->second[0];
      if (ended.code == Code::kOk) {
        EXPECT_TRUE(is_pattern(ended.payload, static_cast<std::uint32_t>(size)));
      } else {
        EXPECT_EQ(ended.code, Code::kAborted) << ended.message;
      }
    }
    for (const auto& [token, ended] : side_.outcomes) EXPECT_EQ(expected_.count(token), 1U) << "cancelled: " << token;
    EXPECT_TRUE(side_.session.idle());
    // Short requests start in the order of their calls.
    std::uint64_t last = 0;
    for (const auto& request : side_.requests) {
      if (request.payload.size() > 10'000) continue;
      const std::uint64_t number = request.id & ~(1ULL << 63U);
      EXPECT_LT(last, number);
      last = number;
    }
  }

  bool has_work() const { return answered_ < side_.requests.size() || side_.session.has_output(); }

 private:
  void begin(std::mt19937& random) {
    if (side_.goaways != 0) {
      EXPECT_EQ(side_.call(++next_token_, {}).error().code, Code::kUnavailable);
      return;
    }
    const std::size_t size = random() % 5 == 0 ? 20'000 + random() % 60'000 : random() % 300;
    const bool notify = random() % 8 == 0;
    const std::uint64_t token = ++next_token_;
    const Result<std::uint64_t> id = side_.call(token, pattern(size, static_cast<std::uint32_t>(size)), notify);
    ASSERT_TRUE(id.ok()) << id.error().message;
    if (id.value() == 0) return;
    expected_[token] = size;
    ids_[id.value()] = token;
  }

  void answer(std::mt19937& random) {
    for (; answered_ < side_.requests.size(); ++answered_) {
      const auto& request = side_.requests[answered_];
      const std::size_t size = request.payload.size();
      ASSERT_TRUE(is_pattern(request.payload, static_cast<std::uint32_t>(size)));
      if (random() % 4 == 0) {
        side_.session.reply_error(request.id, Code::kAborted, false, "as it happens", pattern(random() % 30'000, 1));
      } else {
        side_.session.reply(request.id,
                            pattern(random() % 10 == 0 ? 50'000 : random() % 100, static_cast<std::uint32_t>(size)));
      }
    }
  }

  void cancel(std::mt19937& random) {
    if (ids_.empty()) return;
    auto at = ids_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random() % ids_.size()));
    const auto [id, token] = *at;
    ids_.erase(at);
    if (side_.outcomes.count(token) != 0) return;
    side_.session.cancel(id);
    expected_.erase(token);
  }

  SessionSide side_;
  Limits limits_;
  std::uint64_t next_token_ = 0;
  int steps_ = 0;
  std::map<std::uint64_t, std::size_t> expected_;  // token -> size of its payload
  std::map<std::uint64_t, std::uint64_t> ids_;
  std::size_t answered_ = 0;
};

class SessionProperty : public testing::TestWithParam<std::uint32_t> {};

TEST_P(SessionProperty, EveryCallEndsOnceWhateverTheOrderOfThings) {
  std::mt19937 random(GetParam());
  Limits limits;
  limits.max_message_bytes = 100'000;
  limits.max_pending_bytes = 60'000 + random() % 100'000;
  limits.max_pending_calls = static_cast<std::uint32_t>(1 + random() % 10);
  Limits others = limits;
  others.max_pending_calls = static_cast<std::uint32_t>(1 + random() % 10);
  Actor client(Session::Side::kConnector, limits, others);
  Actor server(Session::Side::kAcceptor, others, limits);
  converse(client, server, random);
  if (HasFatalFailure()) return;
  client.check();
  server.check();
}

INSTANTIATE_TEST_SUITE_P(Seeds, SessionProperty, testing::Range(1U, 41U));

}  // namespace
}  // namespace ipcbridge
