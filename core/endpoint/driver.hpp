#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/endpoint/client_status.hpp"
#include "core/endpoint/events.hpp"
#include "core/endpoint/nested_calls.hpp"
#include "core/endpoint/options.hpp"
#include "core/shm/activity.hpp"
#include "core/transport/transports.hpp"

namespace ipcbridge {

struct DriverOptions {
  System* system = &System::real();
  Transports* transports = &Transports::real();
  Language language = Language::kCpp;    // that peers are told of
  bool spin = true;                      // false: never; true: where two CPUs may be used
  std::size_t ring_bytes = 64UL * 1024;  // of each direction of a shared-memory connection
  Duration handshake_timeout = std::chrono::seconds(5);
  // Whether threads call while another one waits on fd(), and wake it where a call needs it to look. Otherwise all
  // calls come from the thread that waits, which prepares its sleep anew before it does; only answers come from any.
  // Where threads share it, no cancellation is told of a call that has been answered.
  bool shared_by_threads = false;
  // Whether what arrives in shared memory may be written to, of which the sender sees nothing; else it is read only.
  bool copy_on_write = false;
  // How often a server looks whether its socket is still there, where the system does not tell of changes.
  Duration listener_check_interval = std::chrono::seconds(5);
};

// Memory of this process's that whoever it is sent to first sees without a copy: not filled. Of the heap where none can
// be shared; null where there is none at all.
BlobRef allocate_blob(std::size_t size);
// The same of a value that nobody is to change any more when it has been filled: see Blob::seal(). It is not used
// again. Null where none can be shared.
BlobRef allocate_sealable_blob(std::size_t size);
// What of them these bytes are; empty when they are no part of any.
Attachment find_blob(ConstBytes bytes);

// The other side of a connection.
struct Peer {
  std::uint64_t connection = 0;
  Principal principal;
  Language language = Language::kUnknown;
  std::string name;  // its own choice; may be empty
};

struct ServerStatus {
  ServerState state = ServerState::kStarting;
  std::string address;
  std::string path;
  std::uint64_t connections = 0;
  std::uint64_t shm_connections = 0;
  std::uint64_t running_calls = 0;
  std::uint64_t pending_calls = 0;  // to references and methods of the clients; not answered
  StreamStatus streams;
};

// Owns the connections of one consumer (a Node environment, an asyncio loop, a process's blocking API)
// behind one descriptor to poll.
//
// Threads: every method may be called from any thread; run() and prepare_sleep() from one at a time, which is the
// consumer. Whatever needs the consumer to look wakes it, if it sleeps. No method blocks. Events are delivered by
// run() only.
//
// The consumer's loop:
//   for (;;) { while (driver.run(sink, poll)) handle(sink); if (driver.prepare_sleep()) wait on fd(); }
// A forked child's Driver is dead: every method fails with failed_precondition or does nothing.
class Driver {
 public:
  static Result<std::unique_ptr<Driver>> create(const DriverOptions& options);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // Readable when run(…, true) has something to do, after prepare_sleep() said true.
  int fd() const;

  // Reads, writes and times out, for a bounded while: at most 64 frames or 256 KiB a connection, and of the events that
  // the sink takes its share. The next run goes on with the connection behind the last that was read. `poll`
  // asks the kernel as well (one system call); false looks at shared memory only. True when there is more
  // to do at once.
  bool run(EventSink& sink, bool poll);

  // Spins until a run has something to do (true), or `stop` says so, or spinning is not worth it any more
  // (false). Spins only while a message is expected. `stop` is asked every few microseconds.
  bool spin(const std::function<bool()>& stop);

  // Before waiting on fd(): false when there is something to do after all.
  bool prepare_sleep();

  // The consumer, which may be another thread than the one that prepared the sleep, is up: it looks before anybody
  // sleeps again, so nobody need wake it.
  void set_awake();

  // Makes fd() readable: the waiting thread is wanted elsewhere.
  void ring();

  // ---- client side ----

  // Begins to connect; client state events tell the rest: kReady, or kClosed with the reason. kReady comes again when
  // one of several services has come back with other methods.
  Result<ClientId> connect(const ConnectOptions& options);

  // Fails what is pending with `cancelled`; kClosed follows.
  void close_client(ClientId client);

  // The methods that the service offered last, in its order; of several, first those of the one that was found last.
  std::vector<std::string> methods(ClientId client);

  // Grows when a connection has been opened: while it is the same, so are the methods, and the service that told of
  // them. Whoever has it may look at any time, also when the client is gone, and may advance it to have others look
  // again. Null when there is no such client.
  std::shared_ptr<Generation> generation(ClientId client);

  // A number for a method's name, valid for this client for ever, whatever the service offers at the time.
  // kNoMethod when there is no such client; calls with it are refused.
  static constexpr std::uint32_t kNoMethod = ~0U;
  std::uint32_t intern_method(ClientId client, std::string_view name);

  // The same of a name that may be anybody's guess, which must not stay: an error (unimplemented) when the service is
  // there and does not offer it; and (unavailable) when it is not there and too many such names have been asked for.
  Result<std::uint32_t> find_method(ClientId client, std::string_view name);

  // Memory that the peer of a client's next call sees, or of whoever has made this request: to be filled, and attached.
  // Null where there is none; then make_heap_blob() does. Any thread may ask it, for as long as it likes.
  using Allocator = std::function<Result<BlobRef>(std::size_t)>;
  Allocator allocator(ClientId client);
  Allocator allocator_for(std::uint64_t connection);

  // Sends the call, or queues it until there is room or a connection. One outcome event with `token`
  // follows unless cancel() comes first; none for a notification. Tokens are the caller's, unique among
  // this client's pending calls; a notification's is ignored. kNotTaken of a call means that a room event
  // will tell when to try again; kNotTaken and an error, that there will be no outcome: unimplemented (no such method),
  // deadline_exceeded (timeout of zero), resource_exhausted (the message is too large for the service, or for the queue
  // even when that is empty), unavailable (no connection and not to wait), failed_precondition (closed).
  Result<Submission> call(ClientId client, std::uint64_t token, std::uint32_t method, const CallOptions& options,
                          ConstBytes metadata, const Payload& payload);

  // The caller waits no longer; the callee is told. No event follows.
  void cancel(ClientId client, std::uint64_t token);

  // `addresses`, those that connect() was given, are what is told of a client that has gone.
  ClientStatus client_status(ClientId client, const std::vector<std::string>& addresses = {});

  // ---- server side ----

  // Begins to serve; server state events tell the rest: kListening, or kClosed with the reason. A server of
  // this Driver at the same address is closed first.
  Result<ServerId> serve(const ServeOptions& options);

  // Accepts no more; cancels what still runs when `grace` is over; kClosed follows.
  void close_server(ServerId server, Duration grace);

  // Those that are connected, the oldest first.
  std::vector<Peer> peers(ServerId server);
  // Who has made a call, or sent a stream; null when the connection has ended.
  std::optional<Peer> peer(std::uint64_t connection);

  // The client that calls the other side of a connection, whichever of the two has dialled. Where that was the other
  // one it ends with the connection, and close_client() ends that. unavailable when the connection has ended.
  Result<ClientId> peer_client(std::uint64_t connection);

  // Answers a request; nobody is told when its connection or call has gone. To be called for each call that began, or
  // those that wait for it (ServeOptions::serial_groups) never do. They begin with the next run, or at once where
  // `next` has room for them: it may be used by any thread.
  // What is given is of a result that carries so many streams; null when none has been opened.
  // `references`: that it tells of, all of them retained.
  std::optional<OpenedStreams> reply(const RequestKey& request, const Payload& payload, EventSink* next = nullptr,
                                     std::uint32_t streams = 0, std::span<const std::uint64_t> references = {});
  void reply_error(const RequestKey& request, Code code, std::string_view message, const Payload& details,
                   EventSink* next = nullptr);

  // ---- streams, of either side ----
  //
  // A stream that a message carries has one id more than the one before it. Items are values with their sizes, after
  // their number: docs/protocol.md, "Streams".

  // See Session: what may be sent of one of this side's, and where that is nothing a room event follows; `cancelled`
  // when it is over.
  Result<StreamRoom> stream_room(const StreamKey& stream);
  Result<StreamRoom> send_items(const StreamKey& stream, const Payload& body);
  void end_stream(const StreamKey& stream, const Error* error = nullptr, const Payload& details = {});

  // Of the peer's: so many items, which came in so many bytes (items events), have been taken. Until all are, also of
  // one that has ended, or it is cancelled, they count against the window, and what the peer's user may have here.
  void consume_stream(const StreamKey& stream, std::uint64_t items, std::uint64_t bytes);
  void cancel_stream(const StreamKey& stream);

  // ---- references, of either side ----
  //
  // Functions and objects that the other side may call: see References. Their calls arrive at the attached server that
  // takes_references.

  // One of this side's is not to be called any more, over no connection.
  void forget_reference(std::uint64_t reference);
  // Whether somebody may still call it, or will when what has been called is sent.
  bool shares_reference(std::uint64_t reference);
  // A retained one of the peer's, which has come so often over this connection, is needed no more. The calls of it that
  // are under way end first.
  void release_reference(std::uint64_t connection, std::uint64_t reference, std::uint64_t times);

  // Lets the callers over shared memory see what the server has been doing for long, or that it is not any more.
  void tell_activity(ServerId server, const std::optional<shm::Activity>& activity);

  // So many threads run these methods of the server, by their numbers: a call for which all of them wait is refused at
  // once (nested_calls.hpp). The pool that such threads are of from now on; 0: the server is closed.
  ThreadPoolId use_threads(ServerId server, std::uint32_t count, std::vector<bool> methods);

  ServerStatus server_status(ServerId server);

 private:
  class Impl;
  explicit Driver(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace ipcbridge
