#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/workers/answer_place.hpp"
#include "core/workers/blocking_driver.hpp"
#include "core/workers/driver_watch.hpp"
#include "core/workers/loop_worker.hpp"
#include "core/workers/reader_token.hpp"
#include "core/workers/submitted_calls.hpp"
#include "core/workers/waiter.hpp"
#include "core/workers/watchdog.hpp"
#include "core/workers/worker.hpp"
#include "core/workers/worker_pool.hpp"

namespace ipcbridge {

// What the threads do. At most one of them holds the reader token and runs the Driver. In order of rank:
// - callers that wait, which read their own answers and block on the Driver's descriptor (call.cpp);
// - one idle worker, the leader: a thread (worker.cpp), or while what arrives is for an event loop the loop's thread
//   (loop_worker.cpp); the other idle workers are followers, asleep;
// - the watchdog, when there is no idle worker (watchdog_thread.cpp).
// The leader and the watchdog block on the DriverWatch.
//
// Locks: the Driver's before this one's, because events arrive under the Driver's. So nothing of the Driver is called
// under this lock.
class BlockingDriver::Impl final : public EventSink {
 public:
  // The lock. Whatever has changed under it, those who are needed for it are woken when it is given up.
  class Scope {
   public:
    explicit Scope(Impl& impl) : impl_(impl), lock_(impl.mutex_) {}
    ~Scope() {
      if (lock_.owns_lock()) impl_.wake_needed();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    void unlock() {
      impl_.wake_needed();
      lock_.unlock();
    }
    void lock() { lock_.lock(); }

   private:
    Impl& impl_;
    std::unique_lock<std::mutex> lock_;
  };

  Impl(System& system, std::unique_ptr<Driver> driver, DriverWatch watch, Bell leader_bell, Bell watchdog_bell,
       Observer observer);
  ~Impl() override;

  Status start();
  Driver& driver() { return *driver_; }
  bool forked() const;

  // See Driver::call.
  struct OutboundCall {
    ClientId client = 0;
    std::uint32_t method = 0;
    CallOptions options;
    ConstBytes metadata;
    Payload payload;
    LocalWork* local = nullptr;
  };
  CallResult call(const OutboundCall& call, const Interrupted& interrupted);
  Status submit(SubmittedCall& submitted, const OutboundCall& call, const Interrupted& interrupted);
  SubmittedCall* take_answered(bool collects);
  bool wait_unattended();
  bool wait_answered(const SubmittedCall& call, TimePoint deadline, const Interrupted& interrupted);
  bool cancel(SubmittedCall& call);
  SubmittedCalls& submitted() { return submitted_; }
  bool wait_until(const std::function<bool()>& done, TimePoint deadline, const Interrupted& interrupted);
  void reply(const RequestKey& request, const Payload& payload);
  void reply_error(const RequestKey& request, Code code, std::string_view message, const Payload& details);
  std::optional<OpenedStreams> reply(const RequestKey& request, const Payload& payload, std::uint32_t streams,
                                     const StreamTable::Origin& origin, std::span<const std::uint64_t> references);
  void end_stream(const StreamKey& stream, const Error* error, const Payload& details);
  void resume_soon(const StreamKey& stream);
  Result<NextItems> next_items(StreamQueue& stream, StreamQueue::Batch& batch, TimePoint deadline,
                               const Interrupted& interrupted, LocalWork* local);
  void forget_streams(const LocalWork& streams) { streams_.forget(streams); }
  void leave_stream(StreamQueue& stream);
  StreamTable::Queues take_arguments(const RequestKey& call) { return streams_.take_arguments(call); }
  void stop_workers(ServerId server);
  std::uint32_t dismiss_workers(ServerId server);
  WorkerLoad load(ServerId server);
  void set_loop_methods(ServerId server, std::vector<bool> methods);

  // Of a Worker.
  void enter(Worker& self);
  void leave(Worker& self);
  bool wait_for_call(Worker& self, const Interrupted& interrupted);
  bool take(Worker& self, InboundCall& call);

  // Of a LoopWorker.
  void enter(LoopWorker& self);
  void leave(LoopWorker& self);
  LoopWorker::Ready wait_in_loop(LoopWorker& self, TimePoint until);
  bool take(LoopWorker& self, InboundCall& call);
  void finish(LoopWorker& self);

 private:
  // The reader token in the hand of a thread, from taking it until it is passed on with everything armed.
  class Reading;
  struct Wait;
  class Pending;
  class Waiting;
  using Done = std::function<bool()>;

  EventSink* sink_of_answer();
  void note_answer(const RequestKey& request);
  void wake_needed() { pool_.wake_needed(token_, watchdog_); }

  // Events, under the Driver's lock (blocking_driver.cpp).
  std::size_t room() const override { return kAnyNumber; }
  void on_event(const Event& event) override;
  void on(const OutcomeEvent& event);
  void keep_answer(SubmittedCall& call, const OutcomeEvent& event);
  void on(const InboundCallEvent& event);
  bool run_where_awaited(const InboundCallEvent& event, std::uint64_t token);
  void on(const CancelEvent& event);
  void on(const ServerStateEvent& event);
  void on(const ClientStateEvent& event) { tell_observer(event); }
  void on(const RoomEvent& event) { tell_observer(event); }
  void on(const OrphansEvent& event);
  void on(const StreamsOpenEvent& event);
  void note_due();
  void on(const StreamRoomEvent& event) { resume(event.stream); }
  void on(const StreamCancelEvent& event) { resume(event.stream); }
  void on(const StreamItemsEvent& event) { streams_.put(event); }
  void on(const StreamEndEvent& event) { streams_.end(event); }
  void on(const ReferenceReleasedEvent& event) { tell_observer(event); }
  void resume(const StreamKey& stream);
  bool take_back(const CancelEvent& cancel);
  void note_closed(ServerId server);
  void tell_observer(const ObservedEvent& event);

  // What the holder of the token does, without the lock (reading.cpp).
  bool run_driver(bool poll);
  bool run(bool poll);
  std::optional<Reading> try_read();
  void release_token();
  struct Round {
    bool runs = false;                 // the Driver first, before it spins
    bool polls = false;                // with a look at its descriptors
    const LoopWorker* loop = nullptr;  // its thread, which is called away by what else is ready in its loop
  };
  bool read_for_calls(const WorkQueue& queue, Round round, Scope& lock);
  bool descriptor_is_ready() const;

  // Callers (call.cpp).
  static std::uint64_t token_of(const AnswerPlace& place) { return reinterpret_cast<std::uint64_t>(&place); }
  Status call_or_throw(const OutboundCall& call, const Interrupted& interrupted, CallResult& result);
  Result<Submission> submit(std::uint64_t token, const OutboundCall& call);
  Result<Submission> send(std::uint64_t token, OutboundCall call, std::optional<Reading>& reading,
                          const Interrupted& interrupted);
  bool wait(Wait& self, std::optional<Reading>& reading, const Interrupted& interrupted);
  bool wait_beside(Wait& self, std::optional<Reading>& reading, const Interrupted& interrupted);
  static bool do_due(LocalWork& work, bool has_ended);
  void read_first_items(const StreamTable::Queues& streams);
  bool read_a_while(InterruptCheck& check, TimePoint deadline);
  std::optional<Reading> sleep(Wait& self, InterruptCheck& check, bool& due);
  void note_waiting(bool waits);
  void cancel_lost_streams(const SubmittedCall::LostStreams& lost);

  // Workers, with the lock (worker.cpp).
  bool lead(Worker& self, WorkQueue& queue, InterruptCheck& check, Scope& lock);
  bool follow(Worker& self, InterruptCheck& check, Scope& lock);

  // The event loop's thread, all but the last with the lock (loop_worker.cpp).
  bool lead_in_loop(LoopWorker& self, TimePoint until, Scope& lock);
  bool follow_in_loop(LoopWorker& self, TimePoint until, Scope& lock);
  void poll_in_loop(WorkerPool::Idle& idle, Scope& lock);
  bool forget(LoopWorker& self, InboundCall& unplaced);

  // The watchdog (watchdog_thread.cpp).
  void watch();
  bool must_read() const { return !pool_.has_idle_worker() && !pool_.expects_worker(); }
  TimePoint tell_activities(Scope& lock);
  void tell_saturated(TimePoint now, Scope& lock);
  void read_as_watchdog(Scope& lock, bool wanted);

  System& system_;
  std::unique_ptr<Driver> driver_;
  Observer observer_;
  std::uint32_t generation_;

  StreamTable streams_;
  SubmittedCalls submitted_;

  std::mutex mutex_;
  ReaderToken token_;
  DriverWatch watch_;
  WorkerPool pool_;
  Watchdog watchdog_;
  std::thread watchdog_thread_;
  std::atomic<std::uint32_t> observed_{0};  // events that the observer was told of
  std::vector<RequestKey> cancelled_;       // the reader's: calls taken back while it ran the Driver, which it answers
  std::uint32_t runs_ = 0;                  // the reader's
  std::atomic<std::uint32_t> handed_over_{0};  // calls that answers have brought since anybody has read
};

class BlockingDriver::Impl::Reading {
 public:
  explicit Reading(Impl& impl) : impl_(&impl) { impl.driver_->set_awake(); }
  ~Reading() {
    if (impl_ != nullptr) impl_->release_token();
  }
  Reading(Reading&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
  Reading& operator=(Reading&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  // Not armed either: somebody has promised to look soon.
  void pass_on_promised(const Scope& /*lock*/) {
    Impl& impl = *std::exchange(impl_, nullptr);
    impl.token_.pass_on(true);
    if (!impl.token_.is_held()) impl.watch_.set_interest(true);
  }
  // Not armed: the thread that does this reads again soon, or the watchdog sees that it does not.
  void pass_on_unarmed(const Scope& /*lock*/) { std::exchange(impl_, nullptr)->token_.pass_on(false); }

 private:
  Impl* impl_;
};

}  // namespace ipcbridge
