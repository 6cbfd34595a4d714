#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "core/base/fork.hpp"

namespace ipcbridge {

// The numbers of blobs of peers that nobody needs any more, until their connections tell that. Blobs end on any thread,
// under any lock: to note it takes a lock that nothing is done under. Outlives the connections.
class BlobReturns {
 public:
  struct Returned {
    std::uint64_t connection = 0;
    std::uint64_t number = 0;
  };

  // Where there is no memory to note it, the peer has it back when the connection ends.
  void give_back(std::uint64_t connection, std::uint64_t number) noexcept;

  bool empty() const { return !any_.load(std::memory_order_acquire); }
  std::vector<Returned> take();
  // Those that could not be told of, to be taken again.
  void put_back(std::vector<Returned> returned) noexcept;

  // Tells the peers now, if whoever does that is still there. Not under a lock of the core.
  void send();
  // Who does: until it is told otherwise, by nullptr.
  void set_sender(std::function<void()> sender);

 private:
  // Of a process that has forked the child has nothing to give back, and its locks may be held for ever.
  bool forked() const { return generation_ != fork_guard::generation(); }

  std::uint32_t generation_ = fork_guard::generation();
  std::atomic<bool> any_{false};
  std::mutex mutex_;
  std::vector<Returned> returned_;
  std::mutex sending_;  // taken before any lock of the sender's
  std::function<void()> sender_;
};

}  // namespace ipcbridge
