#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/base/bell.hpp"
#include "core/base/result.hpp"
#include "core/endpoint/events.hpp"

namespace ipcbridge {

// What an event loop watches in place of threads that wait: which streams of those that it waits for have something to
// take, or an end. Any thread; taken under a StreamQueue's lock, nothing is called under its own.
class StreamArrivals {
 public:
  // resource_exhausted when there is no descriptor to be had.
  static Result<std::shared_ptr<StreamArrivals>> create(System& system);
  explicit StreamArrivals(Bell bell) : bell_(std::move(bell)) {}

  // Readable when take() gives something.
  int fd() const { return bell_.fd(); }

  // Another stream will be told of, or not after all. There is room for it, so that telling needs no memory.
  void expect();
  void forget();
  // One of these has something.
  void tell(const StreamKey& stream) noexcept;

  std::vector<StreamKey> take();

 private:
  Bell bell_;
  std::mutex mutex_;
  std::size_t expected_ = 0;
  std::vector<StreamKey> told_;
};

}  // namespace ipcbridge
