#include "core/endpoint/awake_set.hpp"

#include <algorithm>
#include <utility>

#include "core/endpoint/connection.hpp"
#include "core/endpoint/context.hpp"

namespace ipcbridge {
namespace {

// So that a busy process does not look at a thousand idle connections for ever. To look at one for that long costs
// about what its doorbell would.
constexpr Duration kReviewInterval = std::chrono::milliseconds(20);

}  // namespace

void AwakeSet::add(Connection& connection) {
  connection.channel().wake();
  connection.armed = false;
  connection.used = true;
  if (!std::exchange(connection.awake, true)) connections_.push_back(&connection);
}

void AwakeSet::remove(const Connection& connection) { std::erase(connections_, &connection); }

AwakeSet::Look AwakeSet::look() const {
  Look seen = Look::kNothing;
  for (const Connection* connection : connections_) {
    if (connection->ready()) return Look::kReady;
    if (!connection->armed && connection->expects_frames()) seen = Look::kExpecting;
  }
  return seen;
}

bool AwakeSet::keeps_a_peer_waiting() const {
  return std::any_of(connections_.begin(), connections_.end(), [](const Connection* connection) {
    return connection->expects_frames() && connection->channel().peer_is_on_this_cpu();
  });
}

bool AwakeSet::service(const Context& context, std::size_t first) {
  const std::size_t count = connections_.size();
  if (count == 0) return false;
  bool more = false;
  // A connection may leave the set while it is serviced.
  for (std::size_t at = first % count, i = 0; i < count && !connections_.empty(); ++i, ++at) {
    if (at >= connections_.size()) at = 0;
    Connection& connection = *connections_[at];
    if (!connection.ready()) continue;
    if (!context.sink_has_room()) return true;
    connection.service(false);
    more = more || connection.ready();
  }
  return more;
}

bool AwakeSet::fall_asleep() {
  if (look() == Look::kReady) return false;
  // Before the others: whoever has armed must not be asked again, because a second look may find a message that the
  // first promised to be rung for, and take the promise back.
  review();
  asleep_ = true;
  const auto can_sleep = [](Connection* connection) {
    connection->armed = true;
    return connection->channel().prepare_sleep();
  };
  if (!std::all_of(connections_.begin(), connections_.end(), can_sleep)) {
    wake_up();
    return false;
  }
  return true;
}

void AwakeSet::wake_up() {
  if (!std::exchange(asleep_, false)) return;
  for (Connection* connection : connections_) {
    connection->armed = false;
    connection->channel().wake();
  }
}

void AwakeSet::review() {
  const TimePoint now = Clock::now();
  if (now < next_review_) return;
  next_review_ = now + kReviewInterval;
  std::erase_if(connections_, [](Connection* connection) {
    const bool stays = std::exchange(connection->used, false) || connection->ready();
    connection->awake = stays || !connection->channel().prepare_sleep();
    return !connection->awake;
  });
}

}  // namespace ipcbridge
