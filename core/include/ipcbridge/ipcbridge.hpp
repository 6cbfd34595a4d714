#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ipcbridge/code.hpp>
#include <ipcbridge/defaults.hpp>
#include <ipcbridge/error.hpp>

namespace ipcbridge {

// What travels is bytes: one encoded value for the arguments and one for the result, in MessagePack (docs/values.md),
// by whatever codec the program has. Of what Node.js and Python can do with each other, C++ has calls, notifications
// and errors. It has no streams, no functions and objects by reference, neither passed nor called, no methods that a
// client offers to its service, and no middleware: what would need them fails with `unimplemented`, and what was passed
// is given back.

// Addresses: "calc" (a local name), "shm:///path", "unix:///path", "inproc://name" (within this process).

// Every option has an initializer, so that {.timeout = ...} draws no warning about the others.

struct BridgeOptions {
  // Whether a thread that expects a message polls for up to 50 us (and 0.2 us for each active connection)
  // before it sleeps, where two CPUs may be used. A wake-up costs about as much, so this makes calls ten times faster
  // and costs idle processes nothing.
  bool spin = true;
};

struct RemoteOptions {
  // How long to look for the service: in connect(), and again in calls after the connection was lost.
  std::chrono::nanoseconds connect_timeout = defaults::kConnectTimeout;

  // Further addresses of the same service. Each call goes to the least busy one.
  std::vector<std::string> replicas = {};

  // The most that calls which wait on this side may take; who calls then waits for room.
  std::uint64_t max_queued_bytes = defaults::kMaxQueuedBytes;

  // Users and groups, besides this process's own user and root, who may be serving there.
  std::vector<uid_t> allow_users = {};
  std::vector<gid_t> allow_groups = {};

  // connect() returns at once, and the first call connects: connect_timeout begins with it. A call that then finds
  // nobody throws, and the next one tries again. Until there has been a connection methods() is empty, and a call of
  // what the service does not offer throws `unimplemented` when there is one.
  bool lazy = false;
};

struct RequestOptions {
  // nullopt: no deadline; zero or less: fails at once.
  std::optional<std::chrono::nanoseconds> timeout = {};

  // One encoded map with string keys, which the handler can read beside the arguments; or empty.
  BytesView metadata = {};

  // The call may run twice: it is repeated when its connection is lost.
  bool idempotent = false;

  // false: fails at once with `unavailable` while there is no connection.
  bool wait_for_ready = true;
};

struct RemoteStatus {
  std::string state;                // "connecting", "ready", "reconnecting", "disconnected" or "closed"
  std::string transport;            // "shm", "unix" or "inproc"; empty while there is no connection
  std::string fallback_reason;      // why shared memory is not used, where it might have been
  pid_t peer_pid = 0;               // 0: nobody, or a process of a PID namespace that this one does not see into
  std::uint64_t pending_calls = 0;  // sent and not answered yet
  std::uint64_t queued_calls = 0;   // waiting on this side
};

// A service at the other end, with whatever reconnections that needs. Made by Bridge::connect.
//
// Threads: every method may be called by any number of threads at the same time, except that none may run
// while the Remote is moved or destroyed. Signals interrupt nothing; a timeout does.
// Lifetime: may outlive its Bridge. Destroying it closes it. Once moved from, it can only be destroyed or
// assigned to.
// After fork() the child's copy is dead: its methods throw `failed_precondition`; the parent's is unharmed.
class Remote {
 public:
  ~Remote();
  Remote(Remote&& other) noexcept;
  Remote& operator=(Remote&& other) noexcept;

  // Calls a method and returns its result, one encoded value. `arguments` is one encoded array and need not
  // live longer than this call. Throws
  //   RemoteError           what the handler threw, with its code (`unknown` for any exception but an IpcError)
  //   unimplemented         the service has no such method, or returns a stream, a function or an object by
  //                         reference
  //   deadline_exceeded     the timeout passed first; the handler is told to stop
  //   unavailable           the connection was lost (see IpcError::sent), or the service was not found again
  //                         within connect_timeout
  //   resource_exhausted    the message is larger than the service accepts
  //   failed_precondition   this Remote is closed
  //   cancelled             close() was called meanwhile
  Bytes call(std::string_view method, BytesView arguments, const RequestOptions& options = {});

  // Sends a call that nobody answers. Throws as call() does, but only what is known before it is sent. False when too
  // much waits to be sent already: then it is dropped, because it never waits for room.
  bool notify(std::string_view method, BytesView arguments, const RequestOptions& options = {});

  // What the service offers, or offered last; as "math.add" where it has namespaces.
  std::vector<std::string> methods() const;

  RemoteStatus status() const;

  // Fails the calls that other threads wait for with `cancelled`. May be called more than once.
  void close();

 private:
  friend class Bridge;
  class Impl;
  explicit Remote(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// A call as its handler sees it. Everything in it is valid until the handler returns.
struct IncomingCall {
  std::string_view method;
  BytesView arguments;  // one encoded array; keyword arguments are its last element, extension type 5
  BytesView metadata;   // one encoded map, or empty
  std::optional<std::chrono::steady_clock::time_point> deadline;  // when the caller stops waiting

  // Whether the caller has stopped waiting: by its timeout, by cancelling or by disappearing. A handler that
  // takes long should ask now and then, and give up.
  std::function<bool()> cancelled;
};

// Answers a call with one encoded value, or throws. Handlers run on several threads at the same time. Calls that pass
// streams, functions or objects by reference do not reach it.
using Handler = std::function<Bytes(const IncomingCall&)>;

// Names are 1 to 255 bytes; "math.add" appears as calc.math.add in Python and Node.
using Methods = std::map<std::string, Handler>;

struct ServiceOptions {
  // What to do when the name is taken by another process: wait for takeover_timeout until it is free, fail
  // at once, or ask the other one to finish what it has begun and leave.
  enum class Takeover : std::uint8_t { kWait, kFail, kReplace };

  unsigned threads = defaults::kThreads;  // that run handlers; 1: one call at a time
  // Other processes may serve the name beside this one, if they all say so: clients spread their calls over them.
  bool shared = false;
  Takeover takeover = Takeover::kWait;
  std::chrono::nanoseconds takeover_timeout = defaults::kTakeoverTimeout;

  // Users and groups, besides this process's own user and root, who may connect; and the socket file's mode,
  // which must let them.
  std::vector<uid_t> allow_users = {};
  std::vector<gid_t> allow_groups = {};
  mode_t mode = 0600;

  // Told of whatever a handler throws that is no IpcError, on the handler's thread. Must not throw.
  std::function<void(std::string_view method, std::string_view what)> on_error = {};
};

struct ServiceStatus {
  std::string state;  // "listening", "closing" or "closed"
  std::uint64_t connections = 0;
  std::uint64_t shm_connections = 0;  // of these, those over shared memory
  unsigned busy_threads = 0;          // that run a handler now
  unsigned queued_calls = 0;          // that wait for a thread
};

// A service that this process offers. Made by Bridge::serve; handlers run on threads of its own, with all
// signals blocked.
//
// Threads: as Remote. A handler may use any Remote, also one of the same Bridge, but must neither close nor
// destroy its own service.
// Lifetime: may outlive its Bridge. Destroying it closes it as close() does, so handlers must end some time,
// and what they refer to must live until then.
// After fork() the child's copy is dead, as a Remote's.
class Service {
 public:
  ~Service();
  Service(Service&& other) noexcept;
  Service& operator=(Service&& other) noexcept;

  // Takes no more calls, lets those that have begun finish for up to `grace`, cancels the rest, and returns
  // when the last handler has. May be called more than once; once the service is closed it does nothing.
  // Throws failed_precondition when called by one of its own handlers.
  void close(std::chrono::nanoseconds grace = defaults::kGrace);

  // Returns when the service is closed: by close(), or because another process has taken its name over.
  void wait();

  ServiceStatus status() const;

 private:
  friend class Bridge;
  class Impl;
  explicit Service(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// Where connections and services come from. Each Bridge has one thread of its own, asleep while others
// read; a program needs one Bridge, and may have more.
//
// Threads: any. No state is shared between Bridges, except that within a process a name that is served
// again passes to the new service.
class Bridge {
 public:
  // Throws resource_exhausted when there are no descriptors or threads left.
  explicit Bridge(const BridgeOptions& options = {});
  ~Bridge();
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  // Waits until the service can be called, unless RemoteOptions::lazy. Throws
  //   unavailable           nobody serves there within connect_timeout
  //   invalid_argument      the address or an option makes no sense
  //   permission_denied     another user serves there, and is not allowed to
  //   failed_precondition   the service speaks another version of the protocol
  Remote connect(const std::string& address, const RemoteOptions& options = {});

  // Returns as soon as clients can connect. Beside `methods` the service has one that describes them, which
  // describe() in Python and Node asks for; a method named "__describe__" takes its place. Throws
  //   already_exists        the name stays taken for takeover_timeout
  //   invalid_argument      the address, a method's name or an option makes no sense
  //   permission_denied     the socket cannot be made there
  //   resource_exhausted    there are no threads or descriptors left
  Service serve(const std::string& address, Methods methods, const ServiceOptions& options = {});

 private:
  friend class Engine;
  explicit Bridge(std::shared_ptr<class Engine> engine);

  std::shared_ptr<Engine> engine_;
};

}  // namespace ipcbridge
