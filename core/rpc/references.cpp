#include "core/rpc/references.hpp"

#include <algorithm>
#include <utility>

namespace ipcbridge {

void References::prepare(std::span<const std::uint64_t> ids) {
  prepared_.assign(ids.begin(), ids.end());
  entries_.reserve(ids.size());
  calls_.reserve_one();
}

void References::share(std::uint64_t call) {
  for (const std::uint64_t id : prepared_) add(id, call);
  if (call != 0) calls_.insert(call, OfCall{std::exchange(prepared_, {}), 0});
  prepared_.clear();
}

void References::add(std::uint64_t id, std::uint64_t call) {
  newest_ = std::max(newest_, id & ~kRetained);
  if (Entry* known = entries_.find(id)) {
    ++known->times;
  } else {
    entries_.insert(id, Entry{is_retained(id) ? 0 : call, 1});
  }
}

void References::take_back(std::uint64_t call) {
  OfCall* passed = calls_.find(call);
  if (passed == nullptr) return;
  for (const std::uint64_t id : passed->ids) {
    if (is_retained(id)) release(id, 1);
  }
  end(call);
}

void References::answered(std::uint64_t call, std::uint32_t streams) {
  if (calls_.empty()) return;
  OfCall* passed = calls_.find(call);
  if (passed == nullptr) return;
  passed->streams = streams;
  if (streams == 0) end(call);
}

void References::stream_ended(std::uint64_t call) {
  if (calls_.empty()) return;
  OfCall* passed = calls_.find(call);
  if (passed != nullptr && passed->streams > 0 && --passed->streams == 0) end(call);
}

void References::end(std::uint64_t call) {
  for (const std::uint64_t id : calls_.find(call)->ids) {
    if (!is_retained(id)) entries_.erase(id);
  }
  calls_.erase(call);
}

bool References::release(std::uint64_t id, std::uint64_t times) {
  Entry* entry = is_retained(id) ? entries_.find(id) : nullptr;
  if (entry == nullptr) return false;
  entry->times -= std::min(entry->times, times);
  if (entry->times > 0) return false;
  entries_.erase(id);
  return true;
}

void References::forget(std::uint64_t id) { entries_.erase(id); }

void References::clear() {
  entries_.clear();
  calls_.clear();
}

References::Standing References::standing(std::uint64_t id) {
  if (entries_.find(id) != nullptr) return Standing::kValid;
  const std::uint64_t number = id & ~kRetained;
  return number != 0 && number <= newest_ ? Standing::kGone : Standing::kNeverShared;
}

std::uint64_t References::call_of(std::uint64_t id) {
  const Entry* entry = entries_.find(id);
  return entry == nullptr ? 0 : entry->call;
}

}  // namespace ipcbridge
