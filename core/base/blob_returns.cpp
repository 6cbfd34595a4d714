#include "core/base/blob_returns.hpp"

#include <new>

namespace ipcbridge {

void BlobReturns::give_back(std::uint64_t connection, std::uint64_t number) noexcept {
  if (forked()) return;
  const std::lock_guard lock(mutex_);
  try {
    returned_.push_back({connection, number});
  } catch (const std::bad_alloc&) {
    return;
  }
  any_.store(true, std::memory_order_release);
}

std::vector<BlobReturns::Returned> BlobReturns::take() {
  if (empty()) return {};
  const std::lock_guard lock(mutex_);
  any_.store(false, std::memory_order_relaxed);
  return std::exchange(returned_, {});
}

void BlobReturns::put_back(std::vector<Returned> returned) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    returned.insert(returned.end(), returned_.begin(), returned_.end());
  } catch (const std::bad_alloc&) {
    return;
  }
  returned_ = std::move(returned);
  any_.store(!returned_.empty(), std::memory_order_release);
}

void BlobReturns::send() {
  if (empty() || forked()) return;
  const std::lock_guard lock(sending_);
  if (sender_) sender_();
}

void BlobReturns::set_sender(std::function<void()> sender) {
  if (forked()) return;
  const std::lock_guard lock(sending_);
  sender_ = std::move(sender);
}

}  // namespace ipcbridge
