#include "core/workers/stream_queue.hpp"

#include <new>
#include <utility>

namespace ipcbridge {
namespace {

constexpr std::size_t kMostBatchBytes = 16UL * 1024;

Error another_waits() { return {Code::kFailedPrecondition, "another reader waits for this stream's next item"}; }

}  // namespace

void StreamQueue::put(const StreamItemsEvent& event) {
  if (add_to_last(event)) return;
  Batch batch;
  batch.count = event.count;
  batch.bytes = event.window_bytes();
  if (event.storage != nullptr) {
    batch.storage = std::move(*event.storage);  // the items' address stays the same
    batch.items = event.items;
  } else {
    batch.copied.assign(event.items.begin(), event.items.end());
    batch.items = batch.copied;
  }
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  batches_.push_back(std::move(batch));
  wake();
}

// Whoever takes lags behind: what has come is taken at once.
bool StreamQueue::add_to_last(const StreamItemsEvent& event) {
  if (event.storage != nullptr) return false;
  const std::lock_guard lock(mutex_);
  if (batches_.empty()) return false;
  Batch& last = batches_.back();
  const bool is_own = last.items.size() == last.copied.size();
  if (!is_own || last.copied.size() + event.items.size() > kMostBatchBytes) return false;
  append(last.copied, event.items);
  last.items = last.copied;
  last.count += event.count;
  last.bytes += event.window_bytes();
  return true;
}

void StreamQueue::end(const StreamEndEvent& event) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(ended_, true)) return;
  end_.code = event.outcome.code;
  end_.ending = event.outcome.ending();
  try {
    end_.message = event.outcome.message;
    end_.details.assign(event.outcome.payload.begin(), event.outcome.payload.end());
    if (event.storage != nullptr) end_.attachments = std::move(event.storage->attachments);
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
  if (arrivals_ != nullptr) std::exchange(arrivals_, nullptr)->tell(key_);
}

bool StreamQueue::take(Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (batches_.empty()) return false;
  batch = std::move(batches_.front());
  batches_.pop_front();
  return true;
}

bool StreamQueue::is_ready() const {
  const std::lock_guard lock(mutex_);
  return ended_ || !batches_.empty();
}

bool StreamQueue::has_ended() const {
  const std::lock_guard lock(mutex_);
  return ended_ && batches_.empty();
}

Result<bool> StreamQueue::wait_with(Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (ended_ || !batches_.empty()) return false;
  if (is_awaited()) return another_waits();
  waiter_ = &waiter;
  return true;
}

void StreamQueue::stop_waiting(const Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (waiter_ == &waiter) waiter_ = nullptr;
}

Result<bool> StreamQueue::tell(const std::shared_ptr<StreamArrivals>& arrivals) {
  const std::lock_guard lock(mutex_);
  if (ended_ || !batches_.empty()) return false;
  if (arrivals_ == arrivals) return true;
  if (is_awaited()) return another_waits();
  arrivals->expect();
  arrivals_ = arrivals;
  return true;
}

void StreamQueue::stop_telling() {
  const std::lock_guard lock(mutex_);
  if (arrivals_ != nullptr) std::exchange(arrivals_, nullptr)->forget();
}

}  // namespace ipcbridge
