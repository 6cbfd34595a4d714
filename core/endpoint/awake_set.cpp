#include "core/endpoint/awake_set.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/endpoint/connection.hpp"
#include "core/endpoint/context.hpp"

namespace ipcbridge {
namespace {

// So that a busy process does not look at a thousand idle connections for ever. To look at one for that long costs
// about what its doorbell would.
constexpr Duration kReviewInterval = std::chrono::milliseconds(20);

// Those that have something often stand together: they were opened, and are used, in turn.
constexpr std::size_t kWorthLookingFurther = 64;

}  // namespace

bool AwakeSet::Entry::ready() const {
  return glance.word == nullptr ? connection->ready() : glance.word->load(std::memory_order_acquire) != glance.seen;
}

// What the peer has written is in its CPU's cache, from where a line takes up to 0.15 us to come: the word that tells
// of the next frame and the frame itself come together, and while another connection is serviced.
void AwakeSet::Entry::prefetch() const {
  __builtin_prefetch(glance.word);
  __builtin_prefetch(glance.next);
}

void AwakeSet::add(Connection& connection) {
  connection.channel().wake();
  connection.armed = false;
  disturbed_ = true;
  connection.used = true;
  if (std::exchange(connection.awake, true)) return;
  connection.place = entries_.size();
  entries_.push_back({&connection, connection.glance()});
}

void AwakeSet::report(Connection& connection) {
  connection.note_descriptor();
  add(connection);
  entries_[connection.place].glance = {};
}

void AwakeSet::note(const Connection& connection) {
  if (connection.awake) entries_[connection.place].glance = connection.glance();
}

template <typename Leaves>
void AwakeSet::erase_if(Leaves leaves) {
  const auto left = std::remove_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    if (!leaves(*entry.connection)) return false;
    entry.connection->awake = false;
    return true;
  });
  entries_.erase(left, entries_.end());
  for (std::size_t at = 0; at < entries_.size(); ++at) entries_[at].connection->place = at;
}

void AwakeSet::remove(Connection& connection) {
  if (!std::exchange(connection.awake, false)) return;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(connection.place));
  for (std::size_t at = connection.place; at < entries_.size(); ++at) entries_[at].connection->place = at;
}

AwakeSet::Readiness AwakeSet::readiness() const {
  bool expecting = false;
  const std::size_t count = entries_.size();
  // Whoever had something last often has the next.
  if (next_ > 0 && next_ <= count) entries_[next_ - 1].prefetch();
  for (std::size_t i = 0, at = next_; i < count; ++i, ++at) {
    if (at >= count) at = 0;
    const Entry& entry = entries_[at];
    if (entry.ready()) return Readiness::kReady;
    expecting = expecting || (!entry.connection->armed && entry.connection->expects_frames());
  }
  return expecting ? Readiness::kExpecting : Readiness::kNothing;
}

bool AwakeSet::keeps_a_peer_waiting() const {
  // Where there are many connections, most are of the same peers.
  constexpr std::size_t kEnough = 16;
  const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(kEnough, entries_.size()));
  return std::any_of(entries_.begin(), end, [](const Entry& entry) {
    return entry.connection->expects_frames() && entry.connection->channel().peer_is_on_this_cpu();
  });
}

// Where a consumer takes so many events at a time, and a handler is slow, a connection with many frames would keep the
// others waiting for all of them. What is far behind gets its share when those who stand before it have had theirs.
std::size_t AwakeSet::share_of(std::size_t room) const {
  if (room == EventSink::kAnyNumber) return room;
  std::size_t ready = 0;
  std::size_t idle = 0;  // in a row
  for (std::size_t at = next_, i = 0; i < entries_.size() && ready < room; ++i, ++at) {
    if (at >= entries_.size()) at = 0;
    if (entries_[at].ready()) {
      ++ready;
      idle = 0;
    } else if (ready > 0 && ++idle == kWorthLookingFurther) {
      break;
    }
  }
  return ready <= 1 ? room : room / ready;
}

bool AwakeSet::service(Context& context) {
  const std::size_t count = entries_.size();
  const std::size_t share = count <= 1 ? EventSink::kAnyNumber : share_of(context.sink_room());
  bool more = false;
  bool found = false;
  std::size_t idle = 0;  // in a row
  // A connection may leave the set while it is serviced.
  for (std::size_t at = next_, i = 0; i < count && !entries_.empty(); ++i, ++at) {
    if (at >= entries_.size()) at = 0;
    if (!entries_[at].ready()) {
      if (found && ++idle == kWorthLookingFurther) return true;
      continue;
    }
    if (context.sink_room() == 0) return true;
    found = true;
    idle = 0;
    Connection& connection = *entries_[at].connection;
    next_ = at + 1;
    entries_[next_ < entries_.size() ? next_ : 0].prefetch();
    context.set_share(share);
    connection.service();
    more = more || connection.ready();
  }
  return more;
}

bool AwakeSet::fall_asleep() {
  if (readiness() == Readiness::kReady) return false;
  // Before the others: whoever has armed must not be asked again, because a second look may find a message that the
  // first promised to be rung for, and take the promise back.
  review();
  asleep_ = true;
  disturbed_ = false;
  const auto can_sleep = [](const Entry& entry) {
    entry.connection->armed = true;
    return entry.connection->channel().prepare_sleep();
  };
  if (!std::all_of(entries_.begin(), entries_.end(), can_sleep)) {
    wake_up();
    return false;
  }
  return true;
}

void AwakeSet::wake_up() {
  if (!std::exchange(asleep_, false)) return;
  for (const Entry& entry : entries_) {
    entry.connection->armed = false;
    entry.connection->channel().wake();
  }
}

void AwakeSet::review() {
  const TimePoint now = system_.now();
  if (now < next_review_) return;
  next_review_ = now + kReviewInterval;
  erase_if([](Connection& connection) {
    const bool stays = std::exchange(connection.used, false) || connection.ready();
    return !stays && connection.channel().prepare_sleep();
  });
}

}  // namespace ipcbridge
