#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/system.hpp"
#include "core/transport/channel.hpp"

namespace ipcbridge {

class Connection;
class Context;

// The connections that a Driver looks at in every run. The others sleep, each for itself, and ring when they have
// something. Used under the Driver's lock.
//
// Those in the set fall asleep and wake up together: where one of a hundred has a message, the others will soon have
// theirs, and a doorbell for each (a send, an event, a receive) would cost more than all the rest of a call.
class AwakeSet {
 public:
  explicit AwakeSet(System& system) : system_(system) {}

  // So that so many can be added without memory.
  void reserve(std::size_t count) {
    if (entries_.capacity() < count) entries_.reserve(2 * count);
  }
  // Wakes the connection.
  void add(Connection& connection);
  // The same, and the next service() reads its descriptor, which the kernel has reported.
  void report(Connection& connection);
  void remove(Connection& connection);

  // Something was written to the connection, or read from it.
  void note(const Connection& connection);

  std::size_t size() const { return entries_.size(); }

  enum class Readiness : std::uint8_t { kReady, kExpecting, kNothing };
  // Whether one of them has something to read, or else whether one of them expects something soon.
  Readiness readiness() const;

  // Whether a peer that owes an answer cannot run because this thread has its CPU.
  bool keeps_a_peer_waiting() const;

  // Services those that are ready, round robin: it begins behind the last that was, and each may emit its share of what
  // the context's sink has room for. True when there may be more: the sink is full, a share or a budget ran out, or not
  // all were looked at.
  bool service(Context& context);

  // All or none: false, and everything is awake, when one of them has something after all.
  bool fall_asleep();
  void wake_up();
  // Whether one was woken by add() since all fell asleep: its peer does not ring for it.
  bool is_disturbed() const { return asleep_ && disturbed_; }

  // Lets those go that were of no use since the last review. To be called often; does something now and then.
  void review();

 private:
  // What a look needs of a connection without touching it: in a thousand connections, everything else is cold.
  struct Entry {
    Connection* connection = nullptr;
    Channel::Glance glance;

    bool ready() const;
    void prefetch() const;
  };

  std::size_t share_of(std::size_t room) const;

  template <typename Leaves>
  void erase_if(Leaves leaves);

  System& system_;
  std::vector<Entry> entries_;
  std::size_t next_ = 0;  // where to look first
  TimePoint next_review_{};
  bool asleep_ = false;
  bool disturbed_ = false;
};

}  // namespace ipcbridge
