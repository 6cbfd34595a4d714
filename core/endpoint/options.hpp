#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ipcbridge/defaults.hpp>

#include "core/base/clock.hpp"
#include "core/endpoint/events.hpp"
#include "core/rpc/hello.hpp"
#include "core/transport/allow_list.hpp"

namespace ipcbridge {

struct ConnectOptions {
  std::vector<std::string> addresses;  // one or more; calls go to the least busy that is connected
  Duration connect_timeout = defaults::kConnectTimeout;
  std::uint64_t max_queued_bytes = defaults::kMaxQueuedBytes;  // of calls that wait on this side
  Limits limits;
  AllowList allow;
  ServerId serves = 0;  // an attached server, which the other side may call over these connections
  std::string name;     // that the service is told
  bool lazy = false;    // connects with the first call: connect_timeout begins with it
};

// What serve does when the name is taken by another server.
enum class Takeover : std::uint8_t { kWait, kFail, kReplace };

struct ServeOptions {
  std::string address;
  // Listens nowhere: it has what arrives over the connections of clients (ConnectOptions::serves), or for references.
  bool attached = false;
  bool takes_references = false;     // the one of its Driver that runs the calls of references
  std::vector<std::string> methods;  // a method's number is its place here
  // Of each method, by its number, the group within which one call runs at a time: the next begins when the one before
  // it has been answered, by reply() or reply_error(), also where its connection has gone. Zero, and methods beyond the
  // end: none. No number is larger than there are methods.
  std::vector<std::uint32_t> serial_groups;
  // Beside others that share the address; clients spread their calls over them. Whoever does not share it has it for
  // himself, and `takeover` is about him.
  bool shared = false;
  Takeover takeover = Takeover::kWait;
  Duration takeover_timeout = defaults::kTakeoverTimeout;
  Limits limits;
  AllowList allow;
  mode_t mode = 0600;  // of the socket file
  std::uint32_t max_connections_per_user = 4096;
  // Of requests that are not answered and of answers that are not read, over all connections of one user.
  std::uint64_t max_bytes_per_user = 1024ULL * 1024 * 1024;
  // Of HELLOs that are longer than usual and have not come, or gone out, whole: over all connections; those of one user
  // may take half of it.
  std::uint64_t max_handshake_bytes = 64ULL * 1024 * 1024;
};

// What became of a call that could be made.
enum class Submission : std::uint8_t {
  kTaken,     // sent, or waits in the queue
  kNotTaken,  // the queue is full: of a call nothing has happened, a notification was dropped and counted
};

struct CallOptions {
  std::optional<Duration> timeout;  // none: no deadline; zero or less: fails at once
  bool notify = false;
  bool idempotent = false;     // may run twice: repeated when its connection is lost
  bool wait_for_ready = true;  // false: fails at once while there is no connection
  std::uint32_t streams = 0;   // among the arguments
  // Of this side's, that the payload tells of: see References.
  std::span<const std::uint64_t> references;
  // Not a method of the service: a reference of the peer's on this connection, whose id the payload begins with. Its
  // methods have the numbers that its owner has given them.
  std::uint64_t reference_on = 0;
  // What errors name such a call by; used within the call of this.
  std::string_view reference_method;
};

// Those of them that say yes or no as one number, as the bindings pass them with every call.
namespace call_flag {
inline constexpr unsigned kNotify = 1;
inline constexpr unsigned kIdempotent = 2;
inline constexpr unsigned kFailFast = 4;  // wait_for_ready is false
}  // namespace call_flag

inline CallOptions call_options(unsigned flags) {
  CallOptions options;
  options.notify = (flags & call_flag::kNotify) != 0;
  options.idempotent = (flags & call_flag::kIdempotent) != 0;
  options.wait_for_ready = (flags & call_flag::kFailFast) == 0;
  return options;
}

}  // namespace ipcbridge
