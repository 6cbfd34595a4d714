#include "core/workers/stream_queue.hpp"

#include <new>
#include <utility>

namespace ipcbridge {

void StreamQueue::put(const StreamItemsEvent& event) {
  Batch batch;
  batch.count = event.count;
  batch.bytes = kItemsPrefixBytes + event.items.size();
  if (event.storage != nullptr) {
    batch.storage = std::move(*event.storage);  // the items' address stays the same
    batch.items = event.items;
  } else {
    batch.storage.assign(event.items.begin(), event.items.end());
    batch.items = batch.storage;
  }
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  batches_.push_back(std::move(batch));
  wake();
}

void StreamQueue::end(const StreamEndEvent& event) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(ended_, true)) return;
  end_.code = event.outcome.code;
  end_.ending = event.outcome.ending();
  try {
    end_.message = event.outcome.message;
    end_.details.assign(event.outcome.payload.begin(), event.outcome.payload.end());
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): it ends with as much as there is memory for
  }
  wake();
}

void StreamQueue::close() {
  const std::lock_guard lock(mutex_);
  batches_.clear();
  if (!std::exchange(ended_, true)) end_.code = Code::kCancelled;
  wake();
}

void StreamQueue::wake() {
  if (waiter_ != nullptr) std::exchange(waiter_, nullptr)->finish();
}

bool StreamQueue::take(Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (batches_.empty()) return false;
  batch = std::move(batches_.front());
  batches_.pop_front();
  return true;
}

bool StreamQueue::has_ended() const {
  const std::lock_guard lock(mutex_);
  return ended_ && batches_.empty();
}

Result<bool> StreamQueue::wait_with(Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (ended_ || !batches_.empty()) return false;
  if (waiter_ != nullptr) return Error{Code::kFailedPrecondition, "another thread waits for this stream's next item"};
  waiter_ = &waiter;
  return true;
}

void StreamQueue::stop_waiting(const Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (waiter_ == &waiter) waiter_ = nullptr;
}

}  // namespace ipcbridge
