#include "core/workers/stream_arrivals.hpp"

namespace ipcbridge {

Result<std::shared_ptr<StreamArrivals>> StreamArrivals::create(System& system) {
  Result<Bell> bell = Bell::create(system);
  if (!bell.ok()) return bell.error();
  return std::make_shared<StreamArrivals>(std::move(bell).value());
}

void StreamArrivals::expect() {
  const std::lock_guard lock(mutex_);
  const std::size_t needed = told_.size() + expected_ + 1;
  if (needed > told_.capacity()) told_.reserve(2 * needed);
  ++expected_;
}

void StreamArrivals::forget() {
  const std::lock_guard lock(mutex_);
  --expected_;
}

// Rung once for all that are told of until they are taken.
void StreamArrivals::tell(const StreamKey& stream) noexcept {
  const std::lock_guard lock(mutex_);
  --expected_;
  told_.push_back(stream);
  if (told_.size() == 1) bell_.ring();
}

// Silenced last, and with nothing told of in between: where there is no memory to take them it still rings.
std::vector<StreamKey> StreamArrivals::take() {
  const std::lock_guard lock(mutex_);
  std::vector<StreamKey> taken(told_.begin(), told_.end());
  told_.clear();  // keeps its room
  bell_.silence();
  return taken;
}

}  // namespace ipcbridge
