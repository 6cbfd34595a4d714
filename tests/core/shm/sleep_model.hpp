#pragma once

#include <cstdint>
#include <vector>

#include "tests/core/support/explorer.hpp"

namespace ipcbridge::sleep_model {

// An explicit-state model of one ring with its two sleepers: the consumer sleeps when the ring is empty, the
// producer when it is full. It mirrors core/shm/ring.cpp and the ShmChannel above it: every operation on a
// shared word is one step, everything between two of them belongs to the step before.
//
// Under Memory::kTso a release store waits in a store buffer until any later moment, as on x86; seq_cst
// stores drain the buffer first. System calls are given no such power here, although they have it.

enum class Memory : std::uint8_t { kSequential, kTso };

// What the code does, and the mistakes that the explorer must be able to see.
enum class Mutation : std::uint8_t {
  kNone,
  kSleepWithoutCheck,       // prepare_sleep() does not look at the index again
  kWishWithoutCheck,        // nor do wait_for_space() and the producer's prepare_sleep()
  kRingBeforeStore,         // must_ring() is asked before the index is stored
  kAnswerBeforeStore,       // publish() looks at the wish before it stores the index
  kWishNotRenewed,          // a wish that was answered with too little space keeps its number
  kWishNotRenewedForSleep,  // it is renewed when a write fails, but not when the owner only goes to sleep again
  kNoWake,                  // who was asleep does not say that it is awake, so the next sleep has the old number
  kStayMarkedAsleep,        // nor does prepare_sleep() when it finds a record after all
  kBufferedSleepStore,      // prepare_sleep() stores with release
  kBufferedIndexStore,      // write() stores its index with release
};

struct Model {
  Memory memory = Memory::kSequential;
  Mutation mutation = Mutation::kNone;
  std::uint8_t capacity = 2;
  std::vector<std::uint8_t> sizes;  // of the records; the producer may stop after any of them
  std::uint8_t spurious_wakes = 1;  // of each side
  std::uint8_t socket_bytes = 1;    // a further doorbell gets EAGAIN
};

enum class Producer : std::uint8_t {
  kNext,
  kReserve,
  kAskEarly,
  kStore,
  kStopWaiting,
  kMustRing,
  kRing,
  kWish,
  kRecheck,
  kRenewWish,
  kSleepCheck,
  kAsleep,
  kDrain,
  kWoken,
  kTakeBack,
  kDone,
};
enum class Consumer : std::uint8_t {
  kTurn,
  kPeek,
  kPublish,
  kWants,
  kRing,
  kSleep,
  kSleepCheck,
  kStayAwake,
  kAsleep,
  kWakeThenDrain,
  kDrain,
  kDrainThenWake,
  kWake,
};

// One state of the whole: the shared words, the sockets, and each side's own variables (named as in ring.hpp).
struct State {
  std::uint8_t write_index = 0, read_index = 0, sleeping = 0, wants_space = 0;
  std::uint8_t bell_to_consumer = 0, bell_to_producer = 0;

  Producer producer = Producer::kNext;
  std::uint8_t sent = 0, write = 0, peer_read = 0, wanted = 0, producer_rung = 0, wish = 0;
  bool waiting = false, producer_must_ring = false;

  Consumer consumer = Consumer::kTurn;
  std::uint8_t taken = 0, read = 0, published = 0, peer_write = 0, consumer_rung = 0, sleep = 0;
  bool to_sleep = false, consumer_must_ring = false;

  // Store buffers: at most one release store waits on either side, because a seq_cst store follows it.
  bool wish_buffered = false, sleep_buffered = false, index_buffered = false;
  std::uint8_t producer_spurious = 0, consumer_spurious = 0;

  bool operator==(const State&) const = default;
};

using Step = model::Step<State>;

std::vector<Step> steps(const Model& model, const State& from);

// Whether everything that was sent is consumed and both sides rest.
bool is_final(const State& state);

model::Verdict explore(const Model& model);

}  // namespace ipcbridge::sleep_model
