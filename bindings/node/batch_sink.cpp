#include "bindings/node/batch_sink.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "core/base/frame.hpp"
#include "core/base/utf8.hpp"

namespace ipcbridge::node {
namespace {

constexpr std::size_t kMaxSentenceBytes = 4096;

// The numbers in a row; js/src/native.ts says what they mean.
enum Column : std::size_t {
  kKind,
  kOwner,
  kToken,
  kMethodOrState,
  kCode,
  kFlags,
  kPayloadStart,
  kPayloadEnd,
  kMetadataStart,
  kMetadataEnd,
  kMessageStart,
  kMessageEnd,
  kTimeoutLow,
  kTimeoutHigh,
  kLongMessage,
};

enum Flag : std::uint32_t { kNotify = 1, kSentMaybe = 2, kRemote = 4 };

std::uint32_t flags_of(const Event& event) {
  return (event.request.notify ? kNotify : 0U) | (event.outcome.sent_maybe ? kSentMaybe : 0U) |
         (event.outcome.remote ? kRemote : 0U);
}

bool is_closed(const Event& event) {
  if (event.kind == Event::Kind::kClientState) return event.state == static_cast<std::uint8_t>(ClientState::kClosed);
  return event.kind == Event::Kind::kServerState && event.state == static_cast<std::uint8_t>(ServerState::kClosed);
}

}  // namespace

void BatchSink::use(std::span<std::uint32_t> table, MutableBytes slab) {
  table_ = table;
  slab_ = slab;
  limit_ = most_rows();
  long_messages_.reserve(most_rows());
  refused_.reserve(most_rows());
}

void BatchSink::adapt(Duration took, Duration budget) {
  limit_ = took > budget ? std::max<std::size_t>(1, rows_ / 2) : std::min(limit_ * 2, most_rows());
}

void BatchSink::reset() {
  rows_ = 0;
  used_ = 0;
  handles_closed_ = 0;
  long_messages_.clear();
  refused_.clear();
}

bool BatchSink::has_room() const {
  return rows_ + refused_.size() < limit_ && slab_.size() - used_ >= kMaxFrameBody + kMaxSentenceBytes;
}

void BatchSink::copy_long_message(std::uint32_t number, MutableBytes into) {
  if (number == 0 || number > long_messages_.size()) return;
  Buffer message = std::move(long_messages_[number - 1]);
  const std::size_t size = std::min(message.size(), into.size());
  if (size > 0) std::memcpy(into.data(), message.data(), size);
}

BatchSink::Place BatchSink::place_in(const Buffer& storage, ConstBytes bytes) {
  if (bytes.empty()) return {};
  const auto start = static_cast<std::uint32_t>(bytes.data() - storage.data());
  return {start, start + static_cast<std::uint32_t>(bytes.size())};
}

BatchSink::Place BatchSink::copy(ConstBytes bytes) {
  const auto start = static_cast<std::uint32_t>(used_);
  if (!bytes.empty()) std::memcpy(slab_.data() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
  return {start, static_cast<std::uint32_t>(used_)};
}

// The number by which JavaScript knows what an event is about; nothing for a request that has been answered.
std::optional<std::uint32_t> BatchSink::token_of(const Event& event) {
  if (event.kind == Event::Kind::kRequest) return requests_.insert(event.key);
  if (event.kind != Event::Kind::kCancel) return static_cast<std::uint32_t>(event.token);
  const std::uint32_t number = requests_.find(event.key);
  return number == RequestTable::kNone ? std::nullopt : std::optional(number);
}

BatchSink::Message BatchSink::take(const Event& event, ConstBytes payload) {
  const ConstBytes metadata = event.request.metadata;
  if (event.storage == nullptr && payload.size() + metadata.size() <= slab_.size() - used_) {
    return {copy(payload), copy(metadata), 0};
  }
  Buffer joined;
  Place payload_place{0, static_cast<std::uint32_t>(payload.size())};
  Place metadata_place{payload_place.end, payload_place.end + static_cast<std::uint32_t>(metadata.size())};
  if (event.storage == nullptr) {
    append(joined, payload);
    append(joined, metadata);
  } else {
    payload_place = place_in(*event.storage, payload);
    metadata_place = place_in(*event.storage, metadata);
    joined = std::move(*event.storage);
  }
  long_messages_.push_back(std::move(joined));
  return {payload_place, metadata_place, static_cast<std::uint32_t>(long_messages_.size())};
}

void BatchSink::on_event(const Event& event) {
  try {
    add_row(event);
  } catch (const std::bad_alloc&) {
    add_failure(event);
  }
  if (is_closed(event)) ++handles_closed_;
}

void BatchSink::add_failure(const Event& event) {
  if (event.kind == Event::Kind::kRequest) {
    RequestKey taken;
    requests_.take(requests_.find(event.key), taken);
    refused_.push_back(event.key);
    return;
  }
  if (event.kind != Event::Kind::kOutcome) return;  // nothing else needs memory
  Event failed = event;
  failed.storage = nullptr;
  failed.outcome = Outcome{};
  failed.outcome.code = Code::kResourceExhausted;
  failed.outcome.message = "no memory for the answer";
  add_row(failed);
}

void BatchSink::add_row(const Event& event) {
  const std::optional<std::uint32_t> token = token_of(event);
  if (!token) return;
  const bool is_request = event.kind == Event::Kind::kRequest;
  const Place sentence = copy(as_bytes(cut_utf8(event.outcome.message, kMaxSentenceBytes)));
  const Message message = take(event, is_request ? event.request.payload : event.outcome.payload);

  const std::span<std::uint32_t> row = table_.subspan(rows_ * kRowWords, kRowWords);
  row[kKind] = static_cast<std::uint32_t>(event.kind);
  row[kOwner] = event.owner;
  row[kToken] = *token;
  row[kMethodOrState] = is_request ? event.request.method : event.state;
  row[kCode] = static_cast<std::uint32_t>(event.outcome.code);
  row[kFlags] = flags_of(event);
  row[kPayloadStart] = message.payload.start;
  row[kPayloadEnd] = message.payload.end;
  row[kMetadataStart] = message.metadata.start;
  row[kMetadataEnd] = message.metadata.end;
  row[kMessageStart] = sentence.start;
  row[kMessageEnd] = sentence.end;
  row[kTimeoutLow] = static_cast<std::uint32_t>(event.request.timeout_us);
  row[kTimeoutHigh] = static_cast<std::uint32_t>(event.request.timeout_us >> 32U);
  row[kLongMessage] = message.number;
  ++rows_;
}

}  // namespace ipcbridge::node
