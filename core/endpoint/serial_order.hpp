#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/system.hpp"
#include "core/endpoint/call_queue.hpp"
#include "core/endpoint/events.hpp"
#include "core/rpc/message.hpp"

namespace ipcbridge {

// The calls of a server's serial methods: of each group one at a time has begun, and the others wait, with their bytes.
// Connections take turns, as in every CallQueue. Used under the Driver's lock.
class SerialOrder {
 public:
  // A call that waited and has now begun.
  struct Begun {
    RequestKey key;
    Request request;  // its views are in `storage`; its timeout is what is left of it
    MessageStorage storage;
    bool expired = false;  // the caller's deadline passed while it waited
  };

  // `groups`: ServeOptions::serial_groups.
  SerialOrder(System& system, const std::vector<std::uint32_t>& groups);
  SerialOrder(const SerialOrder&) = delete;
  SerialOrder& operator=(const SerialOrder&) = delete;

  bool is_serial(std::uint32_t method) const { return method < groups_of_.size() && groups_of_[method] != 0; }

  // A call of a serial method was read. True when no call of its group is unanswered: it has begun. Otherwise it is
  // kept; `storage`, where there is one, is moved from. After std::bad_alloc nothing has changed.
  bool add(const RequestKey& key, const Request& request, MessageStorage* storage);

  // A call that has begun is over: the next of its group is due.
  void finish(const RequestKey& key);

  // Forgets a call that waits. False when none with this key does, or when there is no memory to find it: then its turn
  // comes all the same.
  bool drop(const RequestKey& key);

  // No more calls of this connection will come: see CallQueue. After std::bad_alloc some of them keep their place.
  void end_connection(std::uint64_t connection);

  // Whether a call that waited may begin. Needs no memory, and neither does to begin it.
  bool has_due() const { return !due_.empty(); }
  // Nothing: those that were due have been dropped.
  std::optional<Begun> begin_due();

 private:
  struct Group {
    bool has_begun = false;  // one of its calls
    bool is_due = false;
    CallQueue waiting;
  };
  // Of each unanswered call, so that it begins without memory.
  struct Place {
    std::uint32_t group = 0;
    bool has_begun = false;
  };

  Begun begin(InboundCall call) const;

  System& system_;
  std::vector<std::uint32_t> groups_of_;  // the methods, by their numbers; 0: none
  std::vector<Group> groups_;
  std::unordered_map<RequestKey, Place, RequestKeyHash> places_;
  std::vector<std::uint32_t> due_;  // groups of which a call may begin; has room for all of them
};

}  // namespace ipcbridge
