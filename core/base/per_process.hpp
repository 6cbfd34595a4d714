#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/base/fork.hpp"

namespace ipcbridge {

// The one T of a process, made when first asked for. A forked child gets one of its own: in the parent's a lock may be
// held by a thread that the child does not have. Any thread.
template <typename T>
class PerProcess {
 public:
  T& get() {
    Entry* found = entry_.load(std::memory_order_acquire);
    while (found == nullptr || found->generation != fork_guard::generation()) {
      auto fresh = std::make_unique<Entry>();
      fresh->parents = found;  // never touched again, and never freed: its T may be in any state
      if (entry_.compare_exchange_strong(found, fresh.get(), std::memory_order_acq_rel)) return fresh.release()->value;
    }
    return found->value;
  }

 private:
  struct Entry {
    std::uint32_t generation = fork_guard::generation();
    Entry* parents = nullptr;
    T value;
  };

  std::atomic<Entry*> entry_{nullptr};
};

}  // namespace ipcbridge
