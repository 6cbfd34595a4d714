#include "core/workers/stream_table.hpp"

namespace ipcbridge {

StreamTable::Queues StreamTable::open(std::uint64_t connection, const StreamRange& streams) {
  Queues queues;
  if (streams.count == 0) return queues;
  queues.reserve(streams.count);
  const std::lock_guard lock(mutex_);
  inbound_.reserve(inbound_.size() + streams.count);
  try {
    for (std::uint64_t id = streams.first; id < streams.end(); ++id) {
      auto queue = std::make_shared<StreamQueue>(StreamKey{connection, id});
      inbound_.emplace(queue->key(), queue);
      queues.push_back(std::move(queue));
    }
  } catch (...) {
    for (const auto& queue : queues) inbound_.erase(queue->key());
    throw;
  }
  return queues;
}

void StreamTable::open_arguments(const RequestKey& call, const StreamRange& streams) {
  Queues queues = open(call.connection, streams);
  const std::lock_guard lock(mutex_);
  try {
    arguments_.emplace(call, std::move(queues));
    kept_.store(arguments_.size(), std::memory_order_relaxed);
  } catch (...) {
    for (std::uint64_t id = streams.first; id < streams.end(); ++id) inbound_.erase({call.connection, id});
    throw;
  }
}

StreamTable::Queues StreamTable::take_arguments(const RequestKey& call) {
  const std::lock_guard lock(mutex_);
  const auto found = arguments_.find(call);
  if (found == arguments_.end()) return {};
  Queues queues = std::move(found->second);
  arguments_.erase(found);
  kept_.store(arguments_.size(), std::memory_order_relaxed);
  return queues;
}

void StreamTable::put(const StreamItemsEvent& event) {
  const std::lock_guard lock(mutex_);
  const auto found = inbound_.find(event.stream);
  if (found != inbound_.end()) found->second->put(event);
}

void StreamTable::end(const StreamEndEvent& event) {
  const std::lock_guard lock(mutex_);
  const auto found = inbound_.find(event.stream);
  if (found == inbound_.end()) return;
  found->second->end(event);
  inbound_.erase(found);
}

void StreamTable::end_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, queue] : inbound_) {
    StreamEndEvent event{key, {}, nullptr};
    event.outcome.code = Code::kUnavailable;
    event.outcome.sent_maybe = true;
    event.outcome.message = "the event loop has ended";
    queue->end(event);
  }
  inbound_.clear();
}

void StreamTable::forget(const StreamKey& stream) {
  const std::lock_guard lock(mutex_);
  inbound_.erase(stream);
}

void StreamTable::begin(const StreamKey& first, std::uint32_t count, const Origin& origin) {
  const std::lock_guard lock(mutex_);
  for (std::uint32_t i = 0; i < count; ++i) outbound_.emplace(StreamKey{first.connection, first.id + i}, origin);
}

std::optional<StreamTable::Origin> StreamTable::origin(const StreamKey& stream) {
  const std::lock_guard lock(mutex_);
  const auto found = outbound_.find(stream);
  if (found == outbound_.end()) return std::nullopt;
  return found->second;
}

void StreamTable::forget(const LocalWork& local) {
  const std::lock_guard lock(mutex_);
  std::erase_if(outbound_, [&](const auto& entry) { return entry.second.local == &local; });
}

void StreamTable::add_due(const StreamKey& stream) {
  const std::lock_guard lock(mutex_);
  const auto found = outbound_.find(stream);
  if (found != outbound_.end() && found->second.local != nullptr) found->second.local->add_due(stream);
}

void StreamTable::finish(const StreamKey& stream) {
  const std::lock_guard lock(mutex_);
  outbound_.erase(stream);
}

}  // namespace ipcbridge
