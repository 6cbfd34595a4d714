#include <map>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_conversation.hpp"
#include "tests/core/rpc/session_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::converse;
using testing_support::SessionSide;

// One side as a random user of streams, which keeps its own books of what must happen.
class Streamer {
 public:
  Streamer(Session::Side side, const Limits& ours, const Limits& theirs) : side_(side, ours, theirs) {}

  SessionSide& side() { return side_; }

  void act(std::mt19937& random) {
    side_.capacity = random() % 6;
    note_news();
    switch (random() % 8) {
      case 0:
        static_cast<void>(side_.call_with_streams(++token_, static_cast<std::uint32_t>(random() % 3)));
        break;
      case 1:
        answer(random);
        break;
      case 2:
      case 3:
      case 4:
        send(random);
        break;
      case 5:
        consume(random);
        break;
      case 6:
        leave(random);
        break;
      default:
        side_.session.flush_round();
    }
    note_news();
  }

  // Ends, answers and consumes all there is.
  bool has_work() const { return false; }

  void finish(std::mt19937& random) {
    side_.capacity = ~std::size_t{0};
    side_.session.flush_round();
    note_news();
    while (!open_.empty()) end(*open_.begin());
    answer(random);
    note_news();
    while (!open_.empty()) end(*open_.begin());
    for (const std::uint64_t stream : std::set<std::uint64_t>(reading_)) take(stream, ~0ULL);
  }

  // What `sender` has sent has arrived, as far as it was wanted, and each stream has ended once.
  void check(const Streamer& sender) {
    for (const auto& [stream, items] : side_.items) {
      const auto found = sender.sent_.find(stream);
      const std::string sent = found == sender.sent_.end() ? "" : found->second;
      EXPECT_EQ(sent.substr(0, items.size()), items);
      const bool is_complete = side_.ends.contains(stream) && side_.ends[stream][0].code == Code::kOk;
      EXPECT_TRUE(!is_complete || sent == items) << stream;
    }
    for (const auto& [stream, ends] : side_.ends) EXPECT_EQ(ends.size(), 1U) << stream;
    EXPECT_TRUE(side_.session.idle());
    EXPECT_EQ(side_.session.open_streams(), 0U);
  }

 private:
  void note_news() {
    for (const auto& [token, streams] : std::exchange(side_.opened, {})) open(streams);
    for (const std::uint64_t stream : std::exchange(side_.cancelled_streams, {})) open_.erase(stream);
    for (; seen_requests_ < side_.requests.size(); ++seen_requests_) read(side_.requests[seen_requests_].streams);
    for (const auto& [token, ended] : side_.outcomes) {
      if (seen_outcomes_.insert(token).second) read(ended[0].streams);
    }
    for (const auto& [stream, ends] : side_.ends) {
      if (ends[0].code != Code::kOk) reading_.erase(stream);
    }
  }

  void open(const StreamRange& streams) {
    for (std::uint64_t id = streams.first; id < streams.end(); ++id) open_.insert(id);
  }
  void read(const StreamRange& streams) {
    for (std::uint64_t id = streams.first; id < streams.end(); ++id) {
      if (!side_.ends.contains(id) || side_.ends[id][0].code == Code::kOk) reading_.insert(id);
    }
  }

  void answer(std::mt19937& random) {
    for (; answered_ < side_.requests.size(); ++answered_) {
      const auto count = static_cast<std::uint32_t>(random() % 3);
      const std::size_t size = random() % 4 == 0 ? 30'000 : 10;
      const std::uint64_t first = side_.session.reply(side_.requests[answered_].id, Buffer(size), count);
      if (first != 0) open({first, count});
    }
  }

  static std::uint64_t any(const std::set<std::uint64_t>& of, std::mt19937& random) {
    auto at = of.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random() % of.size()));
    return *at;
  }

  void send(std::mt19937& random) {
    if (open_.empty()) return;
    const std::uint64_t stream = any(open_, random);
    if (random() % 6 == 0) return end(stream);
    const Result<StreamRoom> room = side_.session.stream_room(stream);
    if (!room.ok()) {
      open_.erase(stream);
      return;
    }
    if (room.value().empty()) return;
    const auto value = static_cast<char>('a' + random() % 26);
    Buffer body = testing_support::items_of({&value, 1});
    if (random() % 5 == 0) {
      const auto size = static_cast<std::uint32_t>(1 + random() % 40'000);
      store(body.data() + kItemsPrefixBytes, size);
      body.resize(kItemsPrefixBytes + sizeof size + size);
    }
    ASSERT_TRUE(side_.session.send_items(stream, body).ok());
    sent_[stream] += value;
  }

  void end(std::uint64_t stream) {
    side_.session.end_stream(stream);
    sent_[stream];
    open_.erase(stream);
  }

  void consume(std::mt19937& random) {
    if (!reading_.empty()) take(any(reading_, random), random() % 3);
  }

  void take(std::uint64_t stream, std::uint64_t items) {
    // In messages of one item, of unequal sizes: the bytes go with the last.
    const std::uint64_t left = side_.items[stream].size() - taken_[stream].items;
    items = std::min(items, left);
    const std::uint64_t bytes = items == left ? side_.item_bytes[stream] - taken_[stream].bytes : 0;
    taken_[stream].items += items;
    taken_[stream].bytes += bytes;
    side_.session.consume_stream(stream, items, bytes);
  }

  void leave(std::mt19937& random) {
    if (reading_.empty() || random() % 4 != 0) return;
    const std::uint64_t stream = any(reading_, random);
    reading_.erase(stream);
    side_.session.cancel_stream(stream);
  }

  SessionSide side_;
  std::uint64_t token_ = 0;
  std::set<std::uint64_t> open_;     // streams of this side that may be sent to
  std::set<std::uint64_t> reading_;  // streams of the other side
  std::map<std::uint64_t, std::string> sent_;
  std::map<std::uint64_t, StreamTotals> taken_;
  std::size_t seen_requests_ = 0;
  std::set<std::uint64_t> seen_outcomes_;
  std::size_t answered_ = 0;
};

class SessionStreamsProperty : public testing::TestWithParam<std::uint32_t> {};

TEST_P(SessionStreamsProperty, EveryStreamBringsItsItemsInOrderAndEndsOnce) {
  std::mt19937 random(GetParam());
  Limits limits;
  limits.max_message_bytes = 100'000;
  limits.max_pending_calls = static_cast<std::uint32_t>(1 + random() % 10);
  limits.max_streams = static_cast<std::uint32_t>(2 + random() % 10);
  limits.stream_window_items = static_cast<std::uint32_t>(1 + random() % 10);
  limits.stream_window_bytes = 1 + random() % 1000;
  Streamer client(Session::Side::kConnector, limits, limits);
  Streamer server(Session::Side::kAcceptor, limits, limits);
  converse(client, server, random);
  if (HasFatalFailure()) return;
  client.check(server);
  server.check(client);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SessionStreamsProperty, testing::Range(1U, 41U));

}  // namespace
}  // namespace ipcbridge
