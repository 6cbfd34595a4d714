#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_conversation.hpp"
#include "tests/core/rpc/session_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::converse;
using testing_support::SessionSide;

using Ids = std::vector<std::uint64_t>;

// A payload names references first: how many there are, then their ids.
Buffer naming(const Ids& ids, std::size_t filling) {
  Buffer payload;
  append(payload, static_cast<std::uint32_t>(ids.size()));
  for (const std::uint64_t id : ids) append(payload, id);
  payload.resize(payload.size() + filling);
  return payload;
}

Ids named_by(ConstBytes payload) {
  ByteReader reader(payload);
  std::uint32_t count = 0;
  if (!reader.read(count)) return {};
  Ids ids(count);
  for (std::uint64_t& id : ids) EXPECT_TRUE(reader.read(id));
  return ids;
}

std::size_t any_size(std::mt19937& random) { return random() % 5 == 0 ? 20'000 + random() % 40'000 : random() % 100; }

// One side as a random user of its Session, which passes references and uses those of the other side as
// docs/protocol.md allows.
class Sharer {
 public:
  Sharer(Session::Side side, const Limits& limits) : side_(side, limits, limits) {}

  SessionSide& side() { return side_; }
  // A result that crosses its cancellation names what nobody hears of, so either results name references, or calls are
  // cancelled.
  void cancels_calls() { names_results_ = false; }
  std::size_t calls_of_references() const { return must_run_.size(); }

  void act(std::mt19937& random) {
    take_in();
    side_.capacity = random() % 6;
    switch (random() % 8) {
      case 0:
      case 1:
        return begin(random);
      case 2:
        return answer(random);
      case 3:
      case 4:
        return call_back(random);
      case 5:
        return release(random);
      case 6:
        return cancel(random);
      default:
        side_.session.flush_round();
    }
  }

  bool has_work() const { return false; }

  void finish(std::mt19937& random) {
    side_.capacity = ~std::size_t{0};
    side_.session.flush_round();
    take_in();
    while (!asked_.empty()) answer(random);
    while (!retained_.empty()) release(random);
  }

  void check() {
    EXPECT_TRUE(side_.session.idle());
    for (const std::uint64_t token : must_run_) {
      ASSERT_EQ(side_.outcomes[token].size(), 1U);
      EXPECT_EQ(side_.outcomes[token][0].code, Code::kOk)
          << "the reference was there: " << side_.outcomes[token][0].message;
    }
    for (const std::uint64_t id : shared_) EXPECT_FALSE(side_.session.shares(id)) << id << " has been left behind";
    const std::set<std::uint64_t> released(side_.released.begin(), side_.released.end());
    for (const std::uint64_t id : shared_) EXPECT_EQ(released.contains(id), References::is_retained(id));
  }

 private:
  struct Asked {
    std::uint64_t id = 0;
    Ids references;  // that live as long as the call
  };

  // What has arrived since.
  void take_in() {
    for (; seen_ < side_.requests.size(); ++seen_) {
      const SessionSide::Arrived& request = side_.requests[seen_];
      Asked asked{request.id, {}};
      if (request.to_reference) {
        EXPECT_TRUE(shared_.contains(load<std::uint64_t>(request.payload.data())));
      } else {
        keep(named_by(request.payload), asked.references);
      }
      asked_.push_back(std::move(asked));
    }
    Ids none;
    for (auto call = naming_calls_.begin(); call != naming_calls_.end();) {
      const auto outcome = side_.outcomes.find(*call);
      if (outcome == side_.outcomes.end()) {
        ++call;
        continue;
      }
      keep(named_by(outcome->second[0].payload), none);
      call = naming_calls_.erase(call);
    }
    EXPECT_TRUE(none.empty()) << "a result passes retained ones only";
  }

  void keep(const Ids& ids, Ids& of_call) {
    for (const std::uint64_t id : ids) {
      if (References::is_retained(id)) {
        ++retained_[id];
      } else {
        of_call.push_back(id);
      }
    }
  }

  Ids some(std::mt19937& random, bool retained_only) {
    Ids ids;
    for (auto left = random() % 3; left > 0; --left) {
      if (retained_only || random() % 2 == 0) {
        // The same function has the same reference, unless it has been released meanwhile.
        const bool again = newest_retained_ != 0 && side_.session.shares(newest_retained_) && random() % 2 == 0;
        if (!again) newest_retained_ = ++newest_ | References::kRetained;
        ids.push_back(newest_retained_);
      } else {
        ids.push_back(++newest_);
      }
    }
    return ids;
  }

  void begin(std::mt19937& random) {
    const Ids references = some(random, false);
    const std::uint64_t token = ++token_;
    const Result<std::uint64_t> call = side_.call_passing(token, references, naming(references, any_size(random)));
    ASSERT_TRUE(call.ok()) << call.error().message;
    if (call.value() == 0) return;  // no room: nothing has been passed
    shared_.insert(references.begin(), references.end());
    naming_calls_.insert(token);
    if (references.empty()) plain_calls_[token] = call.value();
  }

  void answer(std::mt19937& random) {
    if (asked_.empty()) return;
    const auto at = asked_.begin() + static_cast<std::ptrdiff_t>(random() % asked_.size());
    const std::uint64_t id = at->id;
    asked_.erase(at);
    const bool is_cancelled = std::find(side_.cancelled.begin(), side_.cancelled.end(), id) != side_.cancelled.end();
    // What a cancelled call's answer names would arrive nowhere.
    const bool names_some = !is_cancelled && !side_.session.calls_reference(id) && names_results_;
    const Ids references = names_some ? some(random, true) : Ids{};
    side_.session.reply(id, naming(references, any_size(random)), 0, references);
    shared_.insert(references.begin(), references.end());
  }

  void call_back(std::mt19937& random) {
    Ids ids;
    for (const Asked& asked : asked_) ids.insert(ids.end(), asked.references.begin(), asked.references.end());
    for (const auto& [id, times] : retained_) ids.push_back(id);
    if (ids.empty()) return;
    const std::uint64_t token = ++token_;
    const Result<std::uint64_t> call = side_.call_reference(token, ids[random() % ids.size()]);
    ASSERT_TRUE(call.ok()) << call.error().message;
    if (call.value() != 0) must_run_.insert(token);
  }

  // All that have come so far, or some of these.
  void release(std::mt19937& random) {
    if (retained_.empty()) return;
    auto at = retained_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random() % retained_.size()));
    const std::uint64_t times = 1 + random() % at->second;
    side_.session.release(at->first, times);
    if ((at->second -= times) == 0) retained_.erase(at);
  }

  // Of calls that pass nothing, nor does their result: see names_results_.
  void cancel(std::mt19937& random) {
    if (names_results_ || plain_calls_.empty()) return;
    auto at = plain_calls_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random() % plain_calls_.size()));
    const auto [token, call] = *at;
    plain_calls_.erase(at);
    if (side_.outcomes.contains(token)) return;
    side_.session.cancel(call);
    naming_calls_.erase(token);
  }

  SessionSide side_;
  std::uint64_t token_ = 0;
  std::uint64_t newest_ = 0;
  std::uint64_t newest_retained_ = 0;
  std::set<std::uint64_t> shared_;  // of this side, ever
  std::vector<Asked> asked_;        // by the other side, and not answered
  std::size_t seen_ = 0;
  std::map<std::uint64_t, std::uint64_t> retained_;  // of the other side: how often each has come
  std::set<std::uint64_t> naming_calls_;             // whose result may name some
  std::map<std::uint64_t, std::uint64_t> plain_calls_;
  std::set<std::uint64_t> must_run_;  // calls of references
  bool names_results_ = true;
};

class SessionReferencesProperty : public testing::TestWithParam<std::uint32_t> {};

TEST_P(SessionReferencesProperty, WhatMayBeCalledIsThereAndNothingStays) {
  std::mt19937 random(GetParam());
  Limits limits;
  limits.max_message_bytes = 100'000;
  limits.max_pending_calls = static_cast<std::uint32_t>(2 + random() % 10);
  Sharer client(Session::Side::kConnector, limits);
  Sharer server(Session::Side::kAcceptor, limits);
  if (GetParam() % 2 == 0) {
    client.cancels_calls();
    server.cancels_calls();
  }
  converse(client, server, random);
  if (HasFatalFailure()) return;
  EXPECT_GT(client.calls_of_references(), 10U);
  client.check();
  server.check();
}

INSTANTIATE_TEST_SUITE_P(Seeds, SessionReferencesProperty, testing::Range(1U, 41U));

}  // namespace
}  // namespace ipcbridge
