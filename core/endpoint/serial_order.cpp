#include "core/endpoint/serial_order.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ipcbridge {
namespace {

std::uint64_t microseconds_until(TimePoint deadline, TimePoint now) {
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - now).count();
  return left > 0 ? static_cast<std::uint64_t>(left) : 0;
}

}  // namespace

SerialOrder::SerialOrder(const std::vector<std::uint32_t>& groups) : groups_of_(groups) {
  const auto most = std::max_element(groups.begin(), groups.end());
  if (most == groups.end()) return;
  groups_.resize(std::size_t{*most} + 1);
  due_.reserve(groups_.size());
}

bool SerialOrder::add(const RequestKey& key, const Request& request, Buffer* storage) {
  const std::uint32_t number = groups_of_[request.method];
  Group& group = groups_[number];
  const bool begins = group.first == nullptr;
  Call& call = calls_[key];
  try {
    if (!begins) keep(call, request, storage);
  } catch (...) {
    calls_.erase(key);
    throw;
  }
  call.key = key;
  call.group = number;
  call.begun = begins;
  call.before = std::exchange(group.last, &call);
  (begins ? group.first : call.before->behind) = &call;
  return begins;
}

void SerialOrder::keep(Call& call, const Request& request, Buffer* storage) {
  call.request = request;
  if (request.timeout_us != 0) call.deadline = deadline_after(Clock::now(), from_microseconds(request.timeout_us));
  keep_bytes(call.request, call.storage, storage);
}

void SerialOrder::finish(const RequestKey& key) {
  if (calls_.empty()) return;
  const auto found = calls_.find(key);
  if (found == calls_.end() || !found->second.begun) return;
  const std::uint32_t number = found->second.group;
  remove(found->second);
  Group& group = groups_[number];
  if (group.first != nullptr && !std::exchange(group.is_due, true)) due_.push_back(number);
}

bool SerialOrder::drop(const RequestKey& key) {
  if (calls_.empty()) return false;
  const auto found = calls_.find(key);
  if (found == calls_.end() || found->second.begun) return false;
  remove(found->second);
  return true;
}

void SerialOrder::remove(Call& call) {
  Group& group = groups_[call.group];
  (call.before == nullptr ? group.first : call.before->behind) = call.behind;
  (call.behind == nullptr ? group.last : call.behind->before) = call.before;
  calls_.erase(RequestKey(call.key));
}

std::optional<SerialOrder::Begun> SerialOrder::begin_due() {
  while (!due_.empty()) {
    Group& group = groups_[due_.front()];
    due_.erase(due_.begin());
    group.is_due = false;
    Call* const call = group.first;
    if (call == nullptr || call->begun) continue;
    call->begun = true;
    Begun begun{call->key, call->request, std::move(call->storage), false};
    if (call->deadline != kNever) {
      begun.request.timeout_us = microseconds_until(call->deadline, Clock::now());
      begun.expired = begun.request.timeout_us == 0;
    }
    return begun;
  }
  return std::nullopt;
}

}  // namespace ipcbridge
