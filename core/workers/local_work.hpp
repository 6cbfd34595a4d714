#pragma once

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "core/endpoint/events.hpp"
#include "core/endpoint/inbound_call.hpp"

namespace ipcbridge {

// What a call of this side's asks of the thread that waits for it, or for an item of its result: to make the items of
// the streams among its arguments, and to run the functions among them when they are called. Done between two waits.
// Outlives the call; BlockingDriver::forget_streams() before it goes. Where an event loop waits for a submitted call,
// on_due() tells that.
//
// What a function does may wait in a call of its own, on the same thread, and that may end only when another function
// of the outer call has run: so whoever waits does the work of all the waits that its thread is in.
class LocalWork {
 public:
  struct Due {
    std::vector<StreamKey> streams;  // that may begin, have room again, or are over
    std::vector<InboundCall> calls;  // to be answered

    bool empty() const { return streams.empty() && calls.empty(); }
  };

  LocalWork() = default;
  virtual ~LocalWork() = default;
  LocalWork(const LocalWork&) = delete;
  LocalWork& operator=(const LocalWork&) = delete;

  // On the thread that waits, which holds no lock. False when the wait is to end as if it had been interrupted.
  virtual bool go_on(Due due) = 0;

  // There is something to be done. Any thread, which may hold locks: it wakes somebody, and returns.
  virtual void on_due() {}

  // Any thread.
  void open(const StreamKey& first, std::uint32_t count) {
    {
      const std::lock_guard lock(mutex_);
      for (std::uint32_t i = 0; i < count; ++i) {
        due_.streams.push_back({first.connection, first.id + i});
        opened_.push_back(due_.streams.back());
      }
    }
    on_due();
  }
  void add_due(const StreamKey& stream) {
    {
      const std::lock_guard lock(mutex_);
      due_.streams.push_back(stream);
    }
    on_due();
  }
  void add_call(InboundCall call) {
    {
      const std::lock_guard lock(mutex_);
      due_.calls.push_back(std::move(call));
    }
    on_due();
  }
  bool has_due() const {
    const std::lock_guard lock(mutex_);
    return !due_.empty();
  }
  Due take_due() {
    const std::lock_guard lock(mutex_);
    return std::exchange(due_, {});
  }
  // What the result is to come behind; the streams may go on while its own are read.
  Due take_due_calls() {
    const std::lock_guard lock(mutex_);
    return {{}, std::exchange(due_.calls, {})};
  }
  // Says that the calling thread waits beside some work, for a call or an item of its result, as long as this lives.
  // Null: beside none of its own. The waits of a thread stand within each other, as on its stack.
  class Waiting {
   public:
    explicit Waiting(LocalWork* work);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    // Of the waits beside some work that the calling thread is in, and the one around this. Null: none.
    static const Waiting* innermost();
    const Waiting* outer() const { return outer_; }
    LocalWork& work() const { return *work_; }

   private:
    LocalWork* work_;
    const Waiting* outer_ = nullptr;
  };

  // All streams that have begun, in the order of their places.
  std::vector<StreamKey> opened() const {
    const std::lock_guard lock(mutex_);
    return opened_;
  }

 private:
  mutable std::mutex mutex_;
  Due due_;
  std::vector<StreamKey> opened_;
};

}  // namespace ipcbridge
