#pragma once

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "core/endpoint/events.hpp"

namespace ipcbridge {

// The streams among the arguments of a call. The thread that waits for the call, or for an item of its result, makes
// what they send, between two waits. Outlives the call; BlockingDriver::forget_streams() before it goes.
class LocalStreams {
 public:
  LocalStreams() = default;
  virtual ~LocalStreams() = default;
  LocalStreams(const LocalStreams&) = delete;
  LocalStreams& operator=(const LocalStreams&) = delete;

  // On the thread that waits, which holds no lock: these may begin, have room again, or are over. False when the wait
  // is to end as if it had been interrupted.
  virtual bool go_on(const std::vector<StreamKey>& due) = 0;

  // Any thread.
  void open(const StreamKey& first, std::uint32_t count) {
    const std::lock_guard lock(mutex_);
    for (std::uint32_t i = 0; i < count; ++i) {
      due_.push_back({first.connection, first.id + i});
      opened_.push_back(due_.back());
    }
  }
  void add_due(const StreamKey& stream) {
    const std::lock_guard lock(mutex_);
    due_.push_back(stream);
  }
  bool has_due() const {
    const std::lock_guard lock(mutex_);
    return !due_.empty();
  }
  std::vector<StreamKey> take_due() {
    const std::lock_guard lock(mutex_);
    return std::exchange(due_, {});
  }
  // All that have begun, in the order of their places.
  std::vector<StreamKey> opened() const {
    const std::lock_guard lock(mutex_);
    return opened_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<StreamKey> due_;
  std::vector<StreamKey> opened_;
};

}  // namespace ipcbridge
