#include "core/endpoint/call_queue.hpp"

#include <new>
#include <utility>

namespace ipcbridge {
namespace {

// What a queue that is empty again keeps at most.
constexpr std::size_t kMostKept = 1024;

}  // namespace

void CallQueue::push_behind_others(InboundCall&& call) {
  if (has_only_) {
    enqueue(std::move(only_));
    has_only_ = false;
  }
  enqueue(std::move(call));
  ++size_;
}

// All that may throw comes before the call is taken.
void CallQueue::enqueue(InboundCall&& call) {
  if (free_slot_ == kNone) {
    slots_.emplace_back();
    free_slot_ = static_cast<Place>(slots_.size() - 1);
  }
  const Place backlog = backlog_of(call.key.connection);
  if (!positions_.empty()) note_position(call.key);
  const Place at = std::exchange(free_slot_, slots_[free_slot_].next);
  slots_[at].call = std::move(call);
  slots_[at].next = kNone;
  append(backlog, at, at);
}

// Of the call that is about to be added. Without memory for it the next cancel() makes the index anew.
void CallQueue::note_position(const RequestKey& key) {
  try {
    positions_.emplace(key, free_slot_);
  } catch (const std::bad_alloc&) {
    positions_.clear();
  }
}

bool CallQueue::pop_round_robin(InboundCall& call) {
  if (size_ == 0) return false;
  const Place backlog = first_;
  first_ = backlogs_[backlog].next;
  const Place at = backlogs_[backlog].first;
  if (!positions_.empty()) positions_.erase(slots_[at].call.key);
  call = std::move(slots_[at].call);
  remove(backlog, at);
  return true;
}

bool CallQueue::cancel(const RequestKey& key) {
  if (size_ == 0) return false;
  if (has_only_) {
    InboundCall cancelled;
    return only_.key == key && pop(cancelled);
  }
  if (positions_.empty()) index();
  const auto found = positions_.find(key);
  if (found == positions_.end()) return false;
  const Place at = found->second;
  positions_.erase(found);
  const Place backlog = backlog_with(at);
  slots_[at].call = InboundCall{};
  remove(backlog, at);
  return true;
}

// Where the call is the first or the last; any that there is for one between others. A connection that has ended may
// have calls in two backlogs.
CallQueue::Place CallQueue::backlog_with(Place slot) {
  const Place* own = by_connection_.find(slots_[slot].call.key.connection);
  const Place* ended = by_connection_.find(kEnded);
  if (own == nullptr || ended == nullptr) return own == nullptr ? *ended : *own;
  const Backlog& its = backlogs_[*own];
  const bool is_at_an_end = slots_[slot].previous == kNone || slots_[slot].next == kNone;
  return !is_at_an_end || its.first == slot || its.last == slot ? *own : *ended;
}

void CallQueue::end_connection(std::uint64_t connection) {
  const Place* found = by_connection_.find(connection);
  if (found == nullptr) return;
  const Place from = *found;
  append(backlog_of(kEnded), backlogs_[from].first, backlogs_[from].last);
  retire(from);
}

CallQueue::Place CallQueue::backlog_of(std::uint64_t connection) {
  const Place* found = by_connection_.find(connection);
  return found == nullptr ? make_backlog(connection) : *found;
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

void CallQueue::append(Place backlog, Place first, Place last) {
  Backlog& its = backlogs_[backlog];
  if (its.first == kNone) join_round(backlog);
  slots_[first].previous = its.last;
  (its.last == kNone ? its.first : slots_[its.last].next) = first;
  its.last = last;
}

// At the end of the round: before the one whose call is the next.
void CallQueue::join_round(Place at) {
  if (first_ == kNone) {
    backlogs_[at].next = backlogs_[at].previous = first_ = at;
    return;
  }
  const Place before = backlogs_[first_].previous;
  backlogs_[at].previous = before;
  backlogs_[at].next = first_;
  backlogs_[before].next = backlogs_[first_].previous = at;
}

void CallQueue::leave_round(Place at) {
  const Backlog& self = backlogs_[at];
  if (self.next == at) {
    first_ = kNone;
    return;
  }
  if (first_ == at) first_ = self.next;
  backlogs_[self.previous].next = self.next;
  backlogs_[self.next].previous = self.previous;
}

void CallQueue::retire(Place at) {
  leave_round(at);
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
  if (its.first == kNone) retire(backlog);
  if (size_ == 0 && slots_.size() > kMostKept) *this = CallQueue();
}

// All or nothing: a call that is missing here could not be cancelled.
void CallQueue::index() {
  decltype(positions_) positions;
  Place each = first_;
  do {
    for (Place at = backlogs_[each].first; at != kNone; at = slots_[at].next)
      positions.emplace(slots_[at].call.key, at);
    each = backlogs_[each].next;
  } while (each != first_);
  positions_ = std::move(positions);
}

}  // namespace ipcbridge
