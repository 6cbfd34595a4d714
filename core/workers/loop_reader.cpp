#include "core/workers/loop_reader.hpp"

#include <algorithm>
#include <new>
#include <utility>
#include <variant>

namespace ipcbridge {
namespace {

// What is read in a run, for which the loop's other work waits.
constexpr std::size_t kMostCalls = 256;

}  // namespace

void LoopReader::add_pool(ServerId server, std::vector<bool> methods, std::shared_ptr<HandlerPool> pool) {
  pools_.insert_or_assign(server, Pooled{std::move(methods), std::move(pool)});
}

void LoopReader::remove_pool(ServerId server) { pools_.erase(server); }

bool LoopReader::run(Driver& driver) {
  batch_.reset();
  calls_read_ = 0;
  const bool more = driver.run(*this, true);
  for (const RequestKey& key : cancelled_) {
    driver.reply_error(key, Code::kCancelled, "the call was cancelled before it began", {});
  }
  cancelled_.clear();
  return more;
}

std::size_t LoopReader::room() const { return std::min(batch_.room(), kMostCalls - std::min(calls_read_, kMostCalls)); }

void LoopReader::on_event(const Event& event) {
  if (std::visit([this](const auto& kind) { return keep(kind); }, event)) {
    ++calls_read_;
  } else {
    batch_.on_event(event);
  }
}

bool LoopReader::keep(const InboundCallEvent& event) {
  InboundCall call(event);
  const auto found = pools_.find(event.server);
  if (found != pools_.end() && found->second.has(call.method)) {
    found->second.pool->push(std::move(call));
  } else {
    for_loop_.push(std::move(call));
  }
  return true;
}

// Where there is no memory to find it, it runs all the same.
bool LoopReader::keep(const CancelEvent& event) {
  try {
    cancelled_.push_back(event.key);
  } catch (const std::bad_alloc&) {
    return false;
  }
  bool was_waiting = false;
  try {
    HandlerPool* const its = pool(event.server);
    was_waiting = for_loop_.cancel(event.key) || (its != nullptr && its->cancel(event.key));
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
  }
  if (!was_waiting) cancelled_.pop_back();
  return was_waiting;
}

// Where there is no memory for it they keep the place in the round that their connection had.
bool LoopReader::keep(const OrphansEvent& event) {
  try {
    for_loop_.end_connection(event.connection);
    if (HandlerPool* const its = pool(event.server)) its->end_connection(event.connection);
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
  }
  return true;
}

HandlerPool* LoopReader::pool(ServerId server) const {
  const auto found = pools_.find(server);
  return found == pools_.end() ? nullptr : found->second.pool.get();
}

}  // namespace ipcbridge
