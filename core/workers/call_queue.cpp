#include "core/workers/call_queue.hpp"

#include <utility>

namespace ipcbridge {
namespace {

// What a queue that is empty again keeps at most.
constexpr std::size_t kMostKept = 1024;

}  // namespace

void CallQueue::push(InboundCall call) {
  const std::uint64_t connection = call.key.connection;
  // All that may throw comes first.
  if (free_slot_ == kNone) {
    slots_.emplace_back();
    free_slot_ = static_cast<Place>(slots_.size() - 1);
  }
  const Place backlog = backlog_of(connection);
  if (!positions_.empty()) positions_.emplace(call.key, free_slot_);
  const Place at = std::exchange(free_slot_, slots_[free_slot_].next);
  slots_[at].call = std::move(call);
  slots_[at].next = kNone;
  if (backlogs_[backlog].first == kNone) join_round(backlog);
  append(backlogs_[backlog], at, at);
  ++size_;
}

bool CallQueue::pop(InboundCall& call) {
  if (size_ == 0) return false;
  const Place backlog = turn_;
  turn_ = backlogs_[backlog].next;
  const Place at = backlogs_[backlog].first;
  if (!positions_.empty()) positions_.erase(slots_[at].call.key);
  call = std::move(slots_[at].call);
  remove(backlog, at);
  return true;
}

bool CallQueue::cancel(const RequestKey& key) {
  if (size_ == 0) return false;
  if (positions_.empty()) index();
  const auto found = positions_.find(key);
  if (found == positions_.end()) return false;
  const Place at = found->second;
  positions_.erase(found);
  const Place* backlog = by_connection_.find(key.connection);
  if (backlog == nullptr) backlog = by_connection_.find(kEnded);
  slots_[at].call = InboundCall{};
  remove(*backlog, at);
  return true;
}

void CallQueue::end_connection(std::uint64_t connection) {
  const Place* found = by_connection_.find(connection);
  if (found == nullptr) return;
  const Place from = *found;
  if (const Place first = backlogs_[from].first; first != kNone) {
    const Place ended = backlog_of(kEnded);
    if (backlogs_[ended].first == kNone) join_round(ended);
    append(backlogs_[ended], first, backlogs_[from].last);
    backlogs_[from].first = kNone;
    leave_round(from);
  }
  retire(from);
}

CallQueue::Place CallQueue::backlog_of(std::uint64_t connection) {
  if (spare_ != kNone && backlogs_[spare_].connection == connection) return std::exchange(spare_, kNone);
  if (const Place* found = by_connection_.find(connection)) return *found;
  return make_backlog(connection);
}

CallQueue::Place CallQueue::make_backlog(std::uint64_t connection) {
  if (free_backlog_ == kNone) {
    backlogs_.emplace_back();
    free_backlog_ = static_cast<Place>(backlogs_.size() - 1);
  }
  by_connection_.insert(connection, free_backlog_);
  const Place at = std::exchange(free_backlog_, backlogs_[free_backlog_].next);
  backlogs_[at] = Backlog{};
  backlogs_[at].connection = connection;
  return at;
}

void CallQueue::append(Backlog& backlog, Place first, Place last) {
  slots_[first].previous = backlog.last;
  (backlog.last == kNone ? backlog.first : slots_[backlog.last].next) = first;
  backlog.last = last;
}

// At the end of the round: before the one whose call is the next.
void CallQueue::join_round(Place at) {
  if (turn_ == kNone) {
    backlogs_[at].next = backlogs_[at].previous = turn_ = at;
    return;
  }
  const Place before = backlogs_[turn_].previous;
  backlogs_[at].previous = before;
  backlogs_[at].next = turn_;
  backlogs_[before].next = backlogs_[turn_].previous = at;
}

void CallQueue::leave_round(Place at) {
  const Backlog& self = backlogs_[at];
  if (self.next == at) {
    turn_ = kNone;
    return;
  }
  if (turn_ == at) turn_ = self.next;
  backlogs_[self.previous].next = self.next;
  backlogs_[self.next].previous = self.previous;
}

void CallQueue::retire(Place at) {
  if (spare_ == at) spare_ = kNone;
  by_connection_.erase(backlogs_[at].connection);
  backlogs_[at].next = std::exchange(free_backlog_, at);
}

void CallQueue::remove(Place backlog, Place slot) {
  Backlog& its = backlogs_[backlog];
  const Slot& self = slots_[slot];
  (self.previous == kNone ? its.first : slots_[self.previous].next) = self.next;
  (self.next == kNone ? its.last : slots_[self.next].previous) = self.previous;
  slots_[slot].next = std::exchange(free_slot_, slot);
  --size_;
  if (its.first != kNone) return;
  leave_round(backlog);
  if (spare_ != kNone) retire(spare_);
  spare_ = backlog;
  if (size_ == 0 && slots_.size() > kMostKept) *this = CallQueue();
}

// All or nothing: a call that is missing here could not be cancelled.
void CallQueue::index() {
  decltype(positions_) positions;
  Place each = turn_;
  do {
    for (Place at = backlogs_[each].first; at != kNone; at = slots_[at].next)
      positions.emplace(slots_[at].call.key, at);
    each = backlogs_[each].next;
  } while (each != turn_);
  positions_ = std::move(positions);
}

}  // namespace ipcbridge
