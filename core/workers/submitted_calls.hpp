#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "core/endpoint/events.hpp"
#include "core/workers/answer_place.hpp"
#include "core/workers/call_result.hpp"

namespace ipcbridge {

// A call that was sent without a thread that waits for it: see BlockingDriver::submit(). Whoever makes it keeps it
// until its answer has been taken, or it was withdrawn.
class SubmittedCall : public AnswerPlace {
 public:
  SubmittedCall() : AnswerPlace(true) {}

  // Streams of a result, for which there was no memory: they are to be cancelled.
  struct LostStreams {
    std::uint64_t connection = 0;
    StreamRange streams;
  };

  // Once it has been taken.
  CallResult result;
  const LostStreams& lost() const { return lost_; }

  ClientId client() const { return client_; }

 private:
  friend class SubmittedCalls;
  enum class State : std::uint8_t { kInFlight, kAnswered, kTaken };

  ClientId client_ = 0;
  State state_ = State::kTaken;
  LostStreams lost_;
  // Neighbours among those that are answered.
  SubmittedCall* before_ = nullptr;
  SubmittedCall* behind_ = nullptr;
};

// The submitted calls of a BlockingDriver that are answered, in the order of their answers. A thread that waits for one
// of them takes whatever it finds; the collector, a thread of the driver's user, takes what nobody waits for. Any
// thread.
class SubmittedCalls {
 public:
  void begin(SubmittedCall& call, ClientId client);
  // Its answer has come. Under the Driver's lock; what is to be kept of it is in the call.
  void put(SubmittedCall& call, const OutcomeEvent& event, StreamTable& streams);
  // The first, or null. `collects`: for the collector. Whoever waits for it may do away with it from then on, so what
  // it has lost comes with it.
  SubmittedCall* take(bool collects, SubmittedCall::LostStreams& lost);
  // Nobody wants its answer. False when somebody has taken it already.
  bool withdraw(SubmittedCall& call);

  // Whoever waits says so before it looks, and who puts an answer looks afterwards whether anybody waits.
  bool any_answered() const { return answered_.load() != 0; }
  bool is_taken(const SubmittedCall& call) const;

  // While a thread waits, the collector leaves to it what is answered, and for a moment after it has left: whoever
  // waits for one call after the other is back soon.
  void note_waiting(bool waits);
  bool any_waits() const { return waiting_.load() != 0; }

  // Of a thread that has waited and leaves: whether the collector will look for messages in a moment, so that nobody
  // need be woken by one until then. Without it each answer would wake somebody, between two waits of a thread that
  // reads them all.
  bool leave_looking_to_collector();

  // Of the collector: until there is something for it to take, or it is to look for messages.
  enum class Due : std::uint8_t { kTake, kLook, kStop };
  Due wait_unattended();
  void stop();

 private:
  bool is_unattended() const { return first_ != nullptr && !any_waits(); }
  void remove(SubmittedCall& call);

  mutable std::mutex mutex_;
  std::condition_variable unattended_;
  bool collector_waits_ = false;   // it is in wait_unattended()
  bool collector_sleeps_ = false;  // until it is notified
  bool look_due_ = false;
  bool stopped_ = false;
  std::atomic<std::uint32_t> answered_{0};
  std::atomic<std::uint32_t> waiting_{0};
  std::uint64_t taken_by_waiters_ = 0;
  std::uint64_t seen_ = 0;  // of these by the collector
  SubmittedCall* first_ = nullptr;
  SubmittedCall* last_ = nullptr;
};

}  // namespace ipcbridge
