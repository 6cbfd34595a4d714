#include "core/endpoint/event_batch.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/frame.hpp"
#include "core/base/utf8.hpp"

namespace ipcbridge {
namespace {

// Events without a payload bring at most a sentence.
constexpr std::size_t kMaxMessageBytes = 4096;

Outcome shortened(Outcome outcome) {
  outcome.message = cut_utf8(outcome.message, kMaxMessageBytes);
  return outcome;
}

}  // namespace

void EventBatch::reset(MutableBytes slab) {
  records_.clear();
  slab_ = slab;
  used_ = 0;
}

bool EventBatch::has_room() const {
  return records_.size() < max_records_ && slab_.size() - used_ >= kMaxFrameBody + kMaxMessageBytes;
}

EventBatch::Bytes EventBatch::copy(ConstBytes bytes) {
  const Bytes place{static_cast<std::uint32_t>(used_), static_cast<std::uint32_t>(bytes.size())};
  if (!bytes.empty()) std::memcpy(slab_.data() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
  return place;
}

void EventBatch::on_event(const Event& event) {
  Record& record = records_.emplace_back();
  const Outcome outcome = shortened(event.outcome);
  record.kind = event.kind;
  record.state = event.state;
  record.code = outcome.code;
  record.sent_maybe = outcome.sent_maybe;
  record.not_started = outcome.not_started;
  record.remote = outcome.remote;
  record.owner = event.owner;
  record.method = event.request.method;
  record.token = event.token;
  record.key = event.key;
  record.timeout_us = event.request.timeout_us;
  record.message = copy(as_bytes(outcome.message));
  const ConstBytes payload = event.kind == Event::Kind::kRequest ? event.request.payload : outcome.payload;
  if (event.storage == nullptr) {
    record.payload = copy(payload);
    record.metadata = copy(event.request.metadata);
    return;
  }
  const std::byte* base = event.storage->data();
  const auto place = [base](ConstBytes bytes) {
    return bytes.empty()
               ? Bytes{}
               : Bytes{static_cast<std::uint32_t>(bytes.data() - base), static_cast<std::uint32_t>(bytes.size())};
  };
  record.payload = place(payload);
  record.metadata = place(event.request.metadata);
  record.storage = std::move(*event.storage);
}

}  // namespace ipcbridge
