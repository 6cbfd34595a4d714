#include "core/base/recycled_blob.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <new>
#include <utility>

#include "core/base/per_process.hpp"

namespace ipcbridge {
namespace {

// Less than this the heap keeps itself.
constexpr std::size_t kWorthKeeping = 128UL * 1024;
constexpr std::size_t kMostKept = 64UL * 1024 * 1024;

class Recycler {
 public:
  // Empty when none fits.
  ByteBlock take(std::size_t size) {
    const std::lock_guard lock(mutex_);
    last_taken_ = Clock::now();
    Kept* best = nullptr;
    for (Kept& each : kept_) {
      const bool fits = each.block.size() >= size && each.block.size() / 2 <= size;
      if (fits && (best == nullptr || each.block.size() < best->block.size())) best = &each;
    }
    if (best == nullptr) return {};
    bytes_ -= best->block.size();
    return std::move(best->block);
  }

  void keep(ByteBlock block) noexcept {
    const TimePoint now = Clock::now();
    const std::lock_guard lock(mutex_);
    if (block.size() > kMostKept - bytes_ || now - last_taken_ >= kIdleMemory) return;
    const auto place = std::find_if(kept_.begin(), kept_.end(), [](const Kept& each) { return each.block.empty(); });
    if (place == kept_.end()) return;
    bytes_ += block.size();
    *place = {std::move(block), now};
  }

  bool trim(TimePoint since) noexcept {
    const std::lock_guard lock(mutex_);
    for (Kept& each : kept_) {
      if (each.block.empty() || each.since > since) continue;
      bytes_ -= each.block.size();
      each.block = {};
    }
    return bytes_ != 0 || last_taken_ > since;
  }

  void stop() noexcept {
    trim(kNever);
    const std::lock_guard lock(mutex_);
    last_taken_ = TimePoint();
  }

  std::size_t bytes() {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  struct Kept {
    ByteBlock block;
    TimePoint since;
  };

  std::mutex mutex_;
  std::array<Kept, 8> kept_;
  std::size_t bytes_ = 0;
  TimePoint last_taken_;
};

Recycler& recycler() {
  static PerProcess<Recycler> recycler;
  return recycler.get();
}

class RecycledBlob final : public Blob {
 public:
  RecycledBlob(ByteBlock block, std::size_t size) : Blob({block.data(), size}), block_(std::move(block)) {}
  ~RecycledBlob() override { recycler().keep(std::move(block_)); }

 private:
  ByteBlock block_;
};

}  // namespace

BlobRef make_recycled_blob(std::size_t size) {
  if (size < kWorthKeeping || size > kMostKept) return make_heap_blob(size);
  try {
    ByteBlock block = recycler().take(size);
    if (block.empty()) block = block_of_large_pages(size);
    return std::make_shared<RecycledBlob>(std::move(block), size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

bool trim_recycled(TimePoint since) { return recycler().trim(since); }

void stop_recycling() { recycler().stop(); }

std::size_t recycled_bytes() { return recycler().bytes(); }

}  // namespace ipcbridge
