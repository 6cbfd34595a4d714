#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/events.hpp"
#include "core/endpoint/options.hpp"
#include "core/workers/call_result.hpp"
#include "core/workers/interrupt_check.hpp"
#include "core/workers/observed_event.hpp"
#include "core/workers/stream_table.hpp"
#include "core/workers/submitted_calls.hpp"
#include "core/workers/work_queue.hpp"

namespace ipcbridge {

// Many blocking threads on one Driver, for consumers that have threads and no loop: Python's blocking API and C++
// programs. The pattern is Leader/Followers (Schmidt, Stal, Rohnert, Buschmann: "Pattern-Oriented Software
// Architecture", vol. 2).
//
// One thread at a time holds the reader token and runs the Driver: a caller that waits reads its own reply, so that no
// helper thread stands between it and the peer. When no caller waits, one idle worker, the leader, watches the Driver,
// or else the watchdog, asleep in the kernel. When several threads wait, the one that leaves passes the token on.
//
// Workers (worker.hpp) run calls on the thread that read them. Where a handler takes longer than about a millisecond,
// or four where for a while none did, another worker reads meanwhile (the watchdog sees to it, and sleeps when there is
// nothing to see); a method with a history of being slow is left alone before it starts. What was read waits in a queue
// that every worker of the server takes from, so nothing is stranded behind a stuck handler.
class BlockingDriver {
 public:
  // State changes, cancellations and saturation arrive here, on whichever thread sees them, mostly under the Driver's
  // lock: copy, wake somebody, return.
  using Observer = std::function<void(const ObservedEvent&)>;

  // resource_exhausted when descriptors or threads cannot be had.
  static Result<std::unique_ptr<BlockingDriver>> create(const DriverOptions& options, Observer observer);

  // Joins its thread. No other thread may be in any method.
  ~BlockingDriver();
  BlockingDriver(const BlockingDriver&) = delete;
  BlockingDriver& operator=(const BlockingDriver&) = delete;

  // For everything that does not wait: connect, serve, close, status …
  Driver& driver();

  // Makes a call and waits for its end. Where the queue is full it waits for room, until the deadline. `cancelled` when
  // interrupted; the callee is then told. `local`: what is asked of this thread meanwhile, for the streams that the
  // options say are among the arguments, and for functions among them.
  CallResult call(ClientId client, std::uint32_t method, const CallOptions& options, ConstBytes metadata,
                  const Payload& payload, const Interrupted& interrupted, LocalWork* local = nullptr);

  // Sends a call whose answer is kept until take_answered() gives it, or the call was cancelled. Waits for room as
  // call() does, and for nothing else: while nobody waits for an answer, those read it who read calls. No notification.
  // What the options say is among its arguments is asked of `submitted.local`.
  Status submit(SubmittedCall& submitted, ClientId client, std::uint32_t method, const CallOptions& options,
                ConstBytes metadata, const Payload& payload, const Interrupted& interrupted);
  // The next one that is answered, with its result: it is the caller's to end now. Null where there is none.
  // `collects`: for the thread of wait_unattended().
  SubmittedCall* take_answered(bool collects = false);
  // Waits until one is to be taken, or that one has been. False when the deadline passed or when interrupted.
  bool wait_answered(const SubmittedCall& call, TimePoint deadline, const Interrupted& interrupted);
  bool is_taken(const SubmittedCall& call) const;
  // Waits until there are some to be taken that no thread waits for. False after stop_collecting(). For one thread.
  bool wait_unattended();
  void stop_collecting();
  // Nobody wants the answer, and the callee is told. False when it has been taken already.
  bool cancel(SubmittedCall& call);

  // Driver::reply(), from any thread. The call that had to wait for this one goes to the workers, of whom the one that
  // answers is back first: it need not read, and nobody need be woken.
  void reply(const RequestKey& request, const Payload& payload);
  void reply_error(const RequestKey& request, Code code, std::string_view message, const Payload& details);

  // The same of a result that carries so many streams, which `origin` makes: the key of the first. When one of them has
  // room again, or is over, a worker of that server is given an InboundCall that `resumes` it.
  std::optional<OpenedStreams> reply(const RequestKey& request, const Payload& payload, std::uint32_t streams,
                                     const StreamTable::Origin& origin, std::span<const std::uint64_t> references = {});
  // As if it had room again: behind what else waits for those workers.
  void resume_stream(const StreamKey& stream);
  // Driver::end_stream(), of such a stream.
  void end_stream(const StreamKey& stream, const Error* error = nullptr, const Payload& details = {});

  // The streams among the arguments of an inbound call, once. To be asked for each call that has some, at the latest
  // before it is answered.
  StreamTable::Queues take_arguments(const RequestKey& call);

  // The next items of a stream of a peer's. Blocks, unless there are some, or it has ended.
  enum class NextItems : std::uint8_t { kItems, kEnd, kInterrupted, kTimeout };
  Result<NextItems> next_items(StreamQueue& stream, StreamQueue::Batch& batch, TimePoint deadline,
                               const Interrupted& interrupted, LocalWork* local = nullptr);
  // They are told of nothing any more.
  void forget_streams(const LocalWork& streams);
  // Nothing more of it is wanted.
  void leave_stream(StreamQueue& stream);

  // Waits until `done` says so; it is asked again whenever an event has been observed. False when the deadline passed
  // or when interrupted.
  bool wait_until(const std::function<bool()>& done, TimePoint deadline, const Interrupted& interrupted);

  // Every worker of this server leaves after the call that it runs, now and later.
  void stop_workers(ServerId server);

  // The same for those that are there now: the server's calls pass to other workers, which are made with the epoch that
  // this gives, while a handler of the first still runs.
  std::uint32_t dismiss_workers(ServerId server);

  WorkerLoad load(ServerId server);

  // Which of the server's methods, by their numbers, the event loop runs (loop_worker.hpp). To be said before the
  // server listens.
  void set_loop_methods(ServerId server, std::vector<bool> methods);

 private:
  friend class LoopWorker;
  friend class Worker;
  class Impl;
  explicit BlockingDriver(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace ipcbridge
