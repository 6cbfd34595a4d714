#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/endpoint/events.hpp"
#include "core/workers/local_work.hpp"
#include "core/workers/stream_queue.hpp"

namespace ipcbridge {

// The streams of a BlockingDriver: the queues of those that the peers send, and which server's handler makes those that
// this side sends. Any thread; taken under the Driver's lock, nothing is called under its own.
class StreamTable {
 public:
  using Queues = std::vector<std::shared_ptr<StreamQueue>>;

  // Whose handler makes a stream, so that the worker that goes on with it is one of that server's.
  struct Origin {
    ServerId server = 0;
    std::uint32_t method = 0;
    LocalWork* local = nullptr;  // of a call of this side's
  };

  // Before anything of them arrives. When it throws, none has been opened.
  Queues open(std::uint64_t connection, const StreamRange& streams);
  // The same of a call's arguments, kept until they are taken, or the call is answered.
  void open_arguments(const RequestKey& call, const StreamRange& streams);
  Queues take_arguments(const RequestKey& call);
  // The call has been answered.
  void drop_arguments(const RequestKey& call) {
    if (kept_.load(std::memory_order_relaxed) != 0) take_arguments(call);
  }
  void put(const StreamItemsEvent& event);
  void end(const StreamEndEvent& event);
  // The driver ends, and tells nothing any more.
  void end_all();
  void forget(const StreamKey& stream);

  void begin(const StreamKey& first, std::uint32_t count, const Origin& origin);
  // Nothing when it is over.
  std::optional<Origin> origin(const StreamKey& stream);
  // One of a call's has room, or is over.
  void add_due(const StreamKey& stream);
  void finish(const StreamKey& stream);
  void forget(const LocalWork& local);

 private:
  std::atomic<std::size_t> kept_{0};  // calls whose arguments have not been taken
  std::mutex mutex_;
  std::unordered_map<StreamKey, std::shared_ptr<StreamQueue>, RequestKeyHash> inbound_;
  std::unordered_map<RequestKey, Queues, RequestKeyHash> arguments_;
  std::unordered_map<StreamKey, Origin, RequestKeyHash> outbound_;
};

}  // namespace ipcbridge
