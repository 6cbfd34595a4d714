#include "core/endpoint/serial_order.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "core/base/clock.hpp"

namespace ipcbridge {
namespace {

std::uint64_t microseconds_until(TimePoint deadline, TimePoint now) {
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - now).count();
  return left > 0 ? static_cast<std::uint64_t>(left) : 0;
}

}  // namespace

SerialOrder::SerialOrder(System& system, const std::vector<std::uint32_t>& groups)
    : system_(system), groups_of_(groups) {
  const auto most = std::max_element(groups.begin(), groups.end());
  if (most == groups.end()) return;
  groups_.resize(std::size_t{*most} + 1);
  due_.reserve(groups_.size());
}

bool SerialOrder::add(const RequestKey& key, const Request& request, MessageStorage* storage) {
  const std::uint32_t number = groups_of_[request.method];
  Group& group = groups_[number];
  const bool begins = !group.has_begun && group.waiting.empty();
  places_[key] = {number, begins};
  group.has_begun = group.has_begun || begins;
  if (begins) return true;
  try {
    const TimePoint received = request.timeout_us != 0 ? system_.now() : TimePoint{};
    group.waiting.push(InboundCall({0, key, request, storage, received}));
  } catch (...) {
    places_.erase(key);
    throw;
  }
  return false;
}

void SerialOrder::finish(const RequestKey& key) {
  if (places_.empty()) return;
  const auto found = places_.find(key);
  if (found == places_.end() || !found->second.has_begun) return;
  const std::uint32_t number = found->second.group;
  places_.erase(found);
  Group& group = groups_[number];
  group.has_begun = false;
  if (!group.waiting.empty() && !std::exchange(group.is_due, true)) due_.push_back(number);
}

bool SerialOrder::drop(const RequestKey& key) {
  if (places_.empty()) return false;
  const auto found = places_.find(key);
  if (found == places_.end() || found->second.has_begun) return false;
  try {
    groups_[found->second.group].waiting.cancel(key);
  } catch (const std::bad_alloc&) {
    return false;
  }
  places_.erase(found);
  return true;
}

void SerialOrder::end_connection(std::uint64_t connection) {
  for (Group& group : groups_) group.waiting.end_connection(connection);
}

std::optional<SerialOrder::Begun> SerialOrder::begin_due() {
  while (!due_.empty()) {
    Group& group = groups_[due_.front()];
    due_.erase(due_.begin());
    group.is_due = false;
    InboundCall call;
    if (group.has_begun || !group.waiting.pop(call)) continue;
    group.has_begun = true;
    places_.find(call.key)->second.has_begun = true;
    return begin(std::move(call));
  }
  return std::nullopt;
}

SerialOrder::Begun SerialOrder::begin(InboundCall call) const {
  Request request;
  request.method = call.method;
  request.notify = call.notify;
  request.streams = call.streams;
  request.metadata = call.metadata;
  request.payload = call.payload;
  if (call.timeout_us != 0) {
    const TimePoint deadline = deadline_after(call.received, from_microseconds(call.timeout_us));
    request.timeout_us = microseconds_until(deadline, system_.now());
  }
  const bool expired = call.timeout_us != 0 && request.timeout_us == 0;
  return {call.key, request, std::move(call.storage), expired};
}

}  // namespace ipcbridge
