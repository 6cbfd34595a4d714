#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/id_map.hpp"
#include "core/endpoint/inbound_call.hpp"

namespace ipcbridge {

// Calls that wait to be run, given out round robin by connection: however many calls one connection has waiting,
// another waits for one of them and not for all. The calls of a connection keep their order.
//
// Connections that have ended count as one together. Whoever connects, notifies and leaves would else get a share of
// its own for each time.
//
// Every method takes a time that does not depend on how many wait, except for the first cancel(). Places are used
// again, so that a call needs no allocation.
class CallQueue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  // When it throws, no call has been lost or added.
  void push(InboundCall&& call) {
    if (size_ == 0) {
      only_ = std::move(call);
      has_only_ = true;
      size_ = 1;
    } else {
      push_behind_others(std::move(call));
    }
  }

  // False when it is empty.
  bool pop(InboundCall& call) {
    if (!has_only_) return pop_round_robin(call);
    call = std::move(only_);
    has_only_ = false;
    size_ = 0;
    return true;
  }
  // False when the call does not wait here.
  bool cancel(const RequestKey& key);
  // Its calls wait with those of others that have ended. What still comes of it, serial calls whose turn it is, makes a
  // backlog of its own again.
  void end_connection(std::uint64_t connection);

 private:
  using Place = std::uint32_t;
  static constexpr Place kNone = UINT32_MAX;

  // A call among those of its connection, or a free place.
  struct Slot {
    InboundCall call;
    Place next = kNone;
    Place previous = kNone;
  };

  // The calls of one connection, and its neighbours in the round of those that have some.
  struct Backlog {
    std::uint64_t connection = 0;
    Place first = kNone;
    Place last = kNone;
    Place next = kNone;
    Place previous = kNone;
  };

  // No connection has this number: the backlog of all that have ended.
  static constexpr std::uint64_t kEnded = 0;

  void push_behind_others(InboundCall&& call);
  bool pop_round_robin(InboundCall& call);
  void enqueue(InboundCall&& call);
  void note_position(const RequestKey& key);
  Place make_backlog(std::uint64_t connection);
  Place backlog_of(std::uint64_t connection);
  Place backlog_with(Place slot);
  void append(Place backlog, Place first, Place last);
  void join_round(Place at);
  void leave_round(Place at);
  void retire(Place at);
  void remove(Place backlog, Place slot);
  void index();

  std::vector<Slot> slots_;
  Place free_slot_ = kNone;
  std::vector<Backlog> backlogs_;
  Place free_backlog_ = kNone;
  IdMap<Place> by_connection_;
  Place first_ = kNone;  // whose call is the next
  std::size_t size_ = 0;
  // Mostly a call finds nobody waiting, and then needs no backlog.
  bool has_only_ = false;
  InboundCall only_;
  // Where each call is: only from the first cancellation on until nothing waits, because most queues see none.
  std::unordered_map<RequestKey, Place, RequestKeyHash> positions_;
};

}  // namespace ipcbridge
