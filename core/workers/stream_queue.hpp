#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "core/base/bytes.hpp"
#include "core/endpoint/events.hpp"
#include "core/workers/stream_arrivals.hpp"
#include "core/workers/waiter.hpp"

namespace ipcbridge {

// How a stream of the peer's has ended.
struct StreamEnd {
  Code code = Code::kOk;  // of an error
  Ending ending = Ending::kResult;
  std::string message;
  Buffer details;
  Attachments attachments;  // of the details
};

// What has arrived of one stream of the peer's and has not been taken yet. Whoever reads puts; one thread at a time
// takes, and may wait, or one event loop does. The sender's window bounds what is in it.
class StreamQueue {
 public:
  // Items that came together, or before any of them was taken: each value with its size, a u32, before it.
  struct Batch {
    MessageStorage storage;  // of a long message
    Buffer copied;           // of short ones
    ConstBytes items;        // in one of these
    std::uint32_t count = 0;
    std::uint64_t bytes = 0;  // of the messages, as the window counts

    const Attachments& attachments() const { return storage.attachments; }
  };

  explicit StreamQueue(const StreamKey& key) : key_(key) {}
  StreamQueue(const StreamQueue&) = delete;
  StreamQueue& operator=(const StreamQueue&) = delete;

  const StreamKey& key() const { return key_; }

  // Puts nothing when it throws.
  void put(const StreamItemsEvent& event);
  void end(const StreamEndEvent& event);
  // Whoever waits is to look again; nothing more is wanted of the sender.
  void close();

  // The next items. False when there are none now.
  bool take(Batch& batch);
  // Whether there is something to take, or an end.
  bool is_ready() const;
  // Whether nothing will come any more: read and then look, because items may precede it.
  bool has_ended() const;
  // Once it has.
  const StreamEnd& how() const { return end_; }

  // Tells the waiter when there is something to take, or an end. False when there is already; then it is not kept.
  // failed_precondition when another thread, or an event loop, waits.
  Result<bool> wait_with(Waiter& waiter);
  // Unless another waits by now.
  void stop_waiting(const Waiter& waiter);

  // The same for an event loop, which is told once, and may say again that it waits.
  Result<bool> tell(const std::shared_ptr<StreamArrivals>& arrivals);
  void stop_telling();

 private:
  bool add_to_last(const StreamItemsEvent& event);
  void wake();
  bool is_awaited() const { return waiter_ != nullptr || arrivals_ != nullptr; }

  const StreamKey key_;
  mutable std::mutex mutex_;
  std::deque<Batch> batches_;
  bool ended_ = false;
  StreamEnd end_;
  Waiter* waiter_ = nullptr;
  std::shared_ptr<StreamArrivals> arrivals_;  // of the loop that waits
};

}  // namespace ipcbridge
