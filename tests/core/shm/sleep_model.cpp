#include "tests/core/shm/sleep_model.hpp"

#include <string_view>
#include <utility>

namespace ipcbridge::sleep_model {
namespace {

bool is_odd(std::uint8_t word) { return (word & 1U) != 0; }
void add(std::uint8_t& to, unsigned value) { to = static_cast<std::uint8_t>(to + value); }

class Stepper {
 public:
  Stepper(const Model& model, const State& from) : model_(model), from_(from) {}

  std::vector<Step> run() {
    produce();
    consume();
    drain_buffers();
    return std::move(steps_);
  }

 private:
  bool is(Mutation mutation) const { return model_.mutation == mutation; }
  bool tso() const { return model_.memory == Memory::kTso; }
  bool producer_buffer_empty() const { return !from_.wish_buffered && !from_.index_buffered; }

  template <typename Change>
  void step(std::string_view name, Change&& change, bool spurious = false) {
    Step next{.to = from_, .name = name, .spurious = spurious};
    change(next.to);
    steps_.push_back(std::move(next));
  }

  void go(std::string_view name, Producer to) {
    step(name, [to](State& s) { s.producer = to; });
  }
  void go(std::string_view name, Consumer to) {
    step(name, [to](State& s) { s.consumer = to; });
  }

  bool fits(std::uint8_t read, std::uint8_t bytes) const { return model_.capacity - (from_.write - read) >= bytes; }
  std::uint8_t record() const { return model_.sizes[from_.sent]; }

  void produce() {
    switch (from_.producer) {
      case Producer::kNext:
        go("producer stops", Producer::kDone);
        if (from_.sent < model_.sizes.size()) go("producer begins a write", Producer::kReserve);
        return;
      case Producer::kReserve:
        return reserve();
      case Producer::kAskEarly:
        return step("producer loads sleeping too early", [](State& s) {
          s.producer_must_ring = is_odd(s.sleeping) && s.sleeping != s.producer_rung;
          s.producer = Producer::kStore;
        });
      case Producer::kStore:
        return store_index();
      case Producer::kStopWaiting:
        return stop_waiting(Producer::kMustRing);
      case Producer::kMustRing:
        return step("producer loads sleeping", [this](State& s) {
          const bool ring = is(Mutation::kRingBeforeStore) ? s.producer_must_ring
                                                           : is_odd(s.sleeping) && s.sleeping != s.producer_rung;
          if (ring) s.producer_rung = s.sleeping;
          s.producer_must_ring = false;
          s.producer = ring ? Producer::kRing : Producer::kNext;
        });
      case Producer::kRing:
        return step("producer rings", [this](State& s) {
          if (s.bell_to_consumer < model_.socket_bytes) add(s.bell_to_consumer, 1);
          s.producer = Producer::kNext;
        });
      case Producer::kWish:
        return wish("producer wants space", Producer::kRecheck, !is(Mutation::kWishNotRenewed) || !from_.waiting);
      case Producer::kRecheck:
        return check_space("producer looks again for space", Producer::kRenewWish);
      case Producer::kRenewWish:
        return wish("producer wants space before it sleeps", Producer::kSleepCheck,
                    !is(Mutation::kWishNotRenewed) && !is(Mutation::kWishNotRenewedForSleep));
      case Producer::kSleepCheck:
        return check_space("producer looks for space before it sleeps", Producer::kAsleep);
      case Producer::kAsleep:
        if (from_.bell_to_producer > 0) go("producer hears the doorbell", Producer::kDrain);
        if (from_.producer_spurious < model_.spurious_wakes) {
          step(
              "producer wakes for nothing",
              [](State& s) {
                add(s.producer_spurious, 1);
                s.producer = Producer::kDrain;
              },
              true);
        }
        return;
      case Producer::kDrain:
        return step("producer empties the socket", [](State& s) {
          s.bell_to_producer = 0;
          s.producer = Producer::kWoken;
        });
      case Producer::kWoken:
        // The owner may try its write again, or read first, which takes a wish back that has come true; or go
        // back to sleep when a glance shows no room.
        go("producer tries again", Producer::kReserve);
        return check_space("producer glances at the index", Producer::kRenewWish, Producer::kTakeBack);
      case Producer::kTakeBack:
        return stop_waiting(Producer::kReserve);
      case Producer::kDone:
        return;
    }
  }

  void reserve() {
    const Producer fits_next = is(Mutation::kRingBeforeStore) ? Producer::kAskEarly : Producer::kStore;
    if (fits(from_.peer_read, record())) return go("producer finds room", fits_next);
    step("producer loads the read index", [&](State& s) {
      s.peer_read = s.read_index;
      s.wanted = record();
      s.producer = fits(s.peer_read, record()) ? fits_next : Producer::kWish;
    });
  }

  void store_index() {
    const bool buffered = is(Mutation::kBufferedIndexStore) && tso();
    if (!buffered && !producer_buffer_empty()) return;
    if (from_.index_buffered) return;  // one place in the buffer is enough to see what goes wrong
    step("producer stores the write index", [&](State& s) {
      add(s.write, record());
      add(s.sent, 1);
      if (buffered) {
        s.index_buffered = true;
      } else {
        s.write_index = s.write;
      }
      s.producer = Producer::kStopWaiting;
    });
  }

  void stop_waiting(Producer next) {
    if (!from_.waiting) return go("producer goes on", next);
    step("producer takes its wish back", [&](State& s) {
      add(s.wish, 1);
      s.waiting = false;
      if (tso()) {
        s.wish_buffered = true;
      } else {
        s.wants_space = s.wish;
      }
      s.producer = next;
    });
  }

  void wish(std::string_view name, Producer next, bool renew) {
    if (!producer_buffer_empty()) return;
    step(name, [&](State& s) {
      if (renew) add(s.wish, s.waiting ? 2 : 1);
      s.waiting = true;
      s.wants_space = s.wish;
      s.producer = next;
    });
  }

  void check_space(std::string_view name, Producer otherwise, Producer found = Producer::kReserve) {
    if (is(Mutation::kWishWithoutCheck)) return go(name, otherwise);
    step(name, [&](State& s) { s.producer = fits(s.read_index, s.wanted) ? found : otherwise; });
  }

  void consume() {
    switch (from_.consumer) {
      case Consumer::kTurn:
        go("consumer reads", Consumer::kPeek);
        if (from_.bell_to_consumer > 0) go("consumer polls and finds the doorbell", Consumer::kDrain);
        return;
      case Consumer::kPeek:
        return peek();
      case Consumer::kPublish:
        return publish();
      case Consumer::kWants:
        return answer_wish();
      case Consumer::kRing:
        return step("consumer rings", [this](State& s) {
          if (s.bell_to_producer < model_.socket_bytes) add(s.bell_to_producer, 1);
          s.consumer = after_publish();
        });
      case Consumer::kSleep:
        return prepare_sleep();
      case Consumer::kSleepCheck:
        return step("consumer looks again for records", [this](State& s) {
          const bool empty = s.write_index == s.read || is(Mutation::kSleepWithoutCheck);
          s.consumer = empty ? Consumer::kAsleep : Consumer::kStayAwake;
        });
      case Consumer::kStayAwake:
        return wake(Consumer::kTurn, is(Mutation::kStayMarkedAsleep));
      case Consumer::kAsleep:
        return sleep();
      case Consumer::kWakeThenDrain:
        return wake(Consumer::kDrain, is(Mutation::kNoWake));
      case Consumer::kDrain:
        return drain(Consumer::kPeek);
      case Consumer::kDrainThenWake:
        return drain(Consumer::kWake);
      case Consumer::kWake:
        return wake(Consumer::kPeek, is(Mutation::kNoWake));
    }
  }

  Consumer after_publish() const { return from_.to_sleep ? Consumer::kSleep : Consumer::kTurn; }

  void peek() {
    if (from_.read == from_.peer_write) {
      return step("consumer loads the write index", [](State& s) {
        s.peer_write = s.write_index;
        s.to_sleep = s.peer_write == s.read;
        s.consumer = s.to_sleep ? Consumer::kPublish : Consumer::kPeek;
      });
    }
    const auto take = [this](State& s) {
      add(s.read, model_.sizes[s.taken]);
      add(s.taken, 1);
    };
    step("consumer takes a record", take);
    step("consumer takes a record and ends the batch", [&](State& s) {
      take(s);
      s.to_sleep = false;
      s.consumer = Consumer::kPublish;
    });
  }

  void publish() {
    if (from_.published == from_.read) return go("consumer has nothing to publish", after_publish());
    if (from_.sleep_buffered) return;
    if (is(Mutation::kAnswerBeforeStore)) {
      return step("consumer loads the wish too early", [](State& s) {
        s.consumer_must_ring = is_odd(s.wants_space) && s.wants_space != s.consumer_rung;
        s.published = s.read;
        s.consumer = Consumer::kWants;
      });
    }
    step("consumer stores the read index", [](State& s) {
      s.published = s.read;
      s.read_index = s.read;
      s.consumer = Consumer::kWants;
    });
  }

  void answer_wish() {
    if (is(Mutation::kAnswerBeforeStore)) {
      return step("consumer stores the read index too late", [this](State& s) {
        s.read_index = s.read;
        if (s.consumer_must_ring) s.consumer_rung = s.wants_space;
        s.consumer = s.consumer_must_ring ? Consumer::kRing : after_publish();
        s.consumer_must_ring = false;
      });
    }
    step("consumer loads the wish", [this](State& s) {
      const bool ring = is_odd(s.wants_space) && s.wants_space != s.consumer_rung;
      if (ring) s.consumer_rung = s.wants_space;
      s.consumer = ring ? Consumer::kRing : after_publish();
    });
  }

  void prepare_sleep() {
    if (is_odd(from_.sleep)) return go("consumer is marked asleep already", Consumer::kSleepCheck);
    const bool buffered = is(Mutation::kBufferedSleepStore) && tso();
    if (!buffered && from_.sleep_buffered) return;
    step("consumer says that it sleeps", [&](State& s) {
      add(s.sleep, 1);
      if (buffered) {
        s.sleep_buffered = true;
      } else {
        s.sleeping = s.sleep;
      }
      s.consumer = Consumer::kSleepCheck;
    });
  }

  void sleep() {
    // Which of the two comes first is the owner's business.
    if (from_.bell_to_consumer > 0) {
      go("consumer hears the doorbell", Consumer::kWakeThenDrain);
      go("consumer hears the doorbell", Consumer::kDrainThenWake);
    }
    if (from_.consumer_spurious < model_.spurious_wakes) {
      step(
          "consumer wakes for nothing",
          [](State& s) {
            add(s.consumer_spurious, 1);
            s.consumer = Consumer::kWakeThenDrain;
          },
          true);
    }
  }

  void wake(Consumer next, bool forgotten) {
    if (!is_odd(from_.sleep) || forgotten) return go("consumer goes on", next);
    step("consumer says that it is awake", [&](State& s) {
      add(s.sleep, 1);
      if (tso()) {
        s.sleep_buffered = true;
      } else {
        s.sleeping = s.sleep;
      }
      s.consumer = next;
    });
  }

  void drain(Consumer next) {
    step("consumer empties the socket", [&](State& s) {
      s.bell_to_consumer = 0;
      s.consumer = next;
    });
  }

  void drain_buffers() {
    // First in, first out: the index of a record goes in before the wish is taken back.
    if (from_.index_buffered) {
      step("the write index reaches memory", [](State& s) {
        s.index_buffered = false;
        s.write_index = s.write;
      });
    } else if (from_.wish_buffered) {
      step("the wish reaches memory", [](State& s) {
        s.wish_buffered = false;
        s.wants_space = s.wish;
      });
    }
    if (from_.sleep_buffered) {
      step("the sleep word reaches memory", [](State& s) {
        s.sleep_buffered = false;
        s.sleeping = s.sleep;
      });
    }
  }

  const Model& model_;
  const State& from_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> steps(const Model& model, const State& from) { return Stepper(model, from).run(); }

bool is_final(const State& s) {
  return s.producer == Producer::kDone && s.consumer == Consumer::kAsleep && s.taken == s.sent &&
         s.bell_to_consumer == 0 && !s.wish_buffered && !s.sleep_buffered && !s.index_buffered;
}

model::Verdict explore(const Model& model) {
  return model::explore(
      State{}, [&](const State& from) { return steps(model, from); }, is_final,
      [&](const State& s) {
        const bool within = s.write - s.read_index <= model.capacity;
        return std::string_view(within ? "" : "the producer overwrote what was not consumed");
      });
}

}  // namespace ipcbridge::sleep_model
