#include "core/endpoint/event_batch.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>
#include <variant>

#include "core/base/frame.hpp"
#include "core/base/utf8.hpp"
#include "core/rpc/stream.hpp"

namespace ipcbridge {
namespace {

// Events without a payload bring at most a sentence.
constexpr std::size_t kMaxSentenceBytes = 4096;

template <typename Kind, EventKind number>
constexpr bool kStandsAt = std::is_same_v<std::variant_alternative_t<static_cast<std::size_t>(number), Event>, Kind>;

static_assert(kStandsAt<OutcomeEvent, EventKind::kOutcome> && kStandsAt<InboundCallEvent, EventKind::kInboundCall> &&
              kStandsAt<CancelEvent, EventKind::kCancel> && kStandsAt<ClientStateEvent, EventKind::kClientState> &&
              kStandsAt<ServerStateEvent, EventKind::kServerState> && kStandsAt<RoomEvent, EventKind::kRoom> &&
              kStandsAt<StreamsOpenEvent, EventKind::kStreamsOpen> &&
              kStandsAt<StreamRoomEvent, EventKind::kStreamRoom> &&
              kStandsAt<StreamCancelEvent, EventKind::kStreamCancel> &&
              kStandsAt<StreamItemsEvent, EventKind::kStreamItems> &&
              kStandsAt<StreamEndEvent, EventKind::kStreamEnd> &&
              kStandsAt<ReferenceReleasedEvent, EventKind::kReferenceReleased>);

}  // namespace

void EventBatch::use(std::span<std::uint32_t> table, MutableBytes slab) {
  table_ = table;
  slab_ = slab;
  limit_ = most_rows();
  long_messages_.reserve(limit_);
}

void EventBatch::adapt(Duration took, Duration budget) {
  limit_ = took > budget ? std::max<std::size_t>(1, rows_ / 2) : std::min(limit_ * 2, most_rows());
}

void EventBatch::reset() {
  rows_ = 0;
  used_ = 0;
  handles_closed_ = 0;
  long_messages_.clear();
}

void EventBatch::copy_long_message(std::uint32_t number, MutableBytes into) {
  if (number == 0 || number > long_messages_.size()) return;
  const ByteBlock message = std::move(long_messages_[number - 1].body);
  const std::size_t size = std::min(message.size(), into.size());
  if (size > 0) std::memcpy(into.data(), message.data(), size);
}

Attachments EventBatch::take_attachments(std::uint32_t number) {
  if (number == 0 || number > long_messages_.size()) return {};
  return std::move(long_messages_[number - 1].attachments);
}

std::size_t EventBatch::room() const {
  return rows_ < limit_ && fits(kMaxFrameBody + kMaxSentenceBytes) ? limit_ - rows_ : 0;
}

std::string_view EventBatch::message(const EventRow& row) const {
  const std::uint32_t start = row.words[EventRow::kMessageStart];
  return as_text(slab_.subspan(start, row.words[EventRow::kMessageEnd] - start));
}

ConstBytes EventBatch::part(const EventRow& row, EventRow::Column start) const {
  const std::uint32_t number = row.words[EventRow::kLongMessage];
  const ConstBytes base = number == 0 ? ConstBytes(slab_) : ConstBytes(long_messages_[number - 1].body);
  return base.subspan(row.words[start], row.words[start + 1] - row.words[start]);
}

void EventBatch::on_event(const Event& event) {
  std::visit([this](const auto& kind) { add(kind); }, event);
}

EventRow EventBatch::begin_row(EventKind kind, std::uint32_t owner) {
  const EventRow row = this->row(rows_++);
  row.words[EventRow::kKind] = static_cast<std::uint32_t>(kind);
  row.words[EventRow::kOwner] = owner;
  row.words[EventRow::kLongMessage] = 0;
  return row;
}

void EventBatch::add_bytes(const EventRow& row, EventRow::Column start, ConstBytes bytes) {
  row.words[start] = static_cast<std::uint32_t>(used_);
  if (!bytes.empty()) std::memcpy(slab_.data() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
  row.words[start + 1] = static_cast<std::uint32_t>(used_);
}

void EventBatch::add_sentence(const EventRow& row, std::string_view sentence) {
  add_bytes(row, EventRow::kMessageStart, as_bytes(cut_utf8(sentence, kMaxSentenceBytes)));
}

void EventBatch::add_message(const EventRow& row, ConstBytes payload, const ConstBytes* metadata,
                             MessageStorage* storage) {
  const std::size_t size = payload.size() + (metadata == nullptr ? 0 : metadata->size());
  if (storage != nullptr || !fits(size)) return keep_long_message(row, payload, metadata, storage);
  add_bytes(row, EventRow::kPayloadStart, payload);
  if (metadata != nullptr) add_bytes(row, EventRow::kMetadataStart, *metadata);
}

void EventBatch::keep_long_message(const EventRow& row, ConstBytes payload, const ConstBytes* metadata,
                                   MessageStorage* storage) {
  MessageStorage joined;
  if (storage == nullptr) {
    joined.body = ByteBlock(payload.size() + (metadata == nullptr ? 0 : metadata->size()));
    std::byte* const behind = std::copy(payload.begin(), payload.end(), joined.body.begin());
    if (metadata != nullptr) std::copy(metadata->begin(), metadata->end(), behind);
    payload = ConstBytes(joined.body).first(payload.size());
  }
  const std::byte* base = storage == nullptr ? joined.body.data() : storage->body.data();
  const auto place = [&](EventRow::Column start, ConstBytes bytes, std::size_t at) {
    row.words[start] = static_cast<std::uint32_t>(at);
    row.words[start + 1] = static_cast<std::uint32_t>(at + bytes.size());
  };
  const auto at = [&](ConstBytes bytes) {
    return bytes.empty() ? std::size_t{0} : static_cast<std::size_t>(bytes.data() - base);
  };
  place(EventRow::kPayloadStart, payload, at(payload));
  if (metadata != nullptr) {
    place(EventRow::kMetadataStart, *metadata, storage == nullptr ? payload.size() : at(*metadata));
  }
  long_messages_.push_back(storage == nullptr ? std::move(joined) : std::move(*storage));
  row.words[EventRow::kLongMessage] = static_cast<std::uint32_t>(long_messages_.size());
}

void EventBatch::add(const OutcomeEvent& event) {
  const EventRow row = begin_row(EventKind::kOutcome, event.client);
  row.set_wide(EventRow::kToken, event.token);
  row.words[EventRow::kStreams] = event.outcome.streams.count * EventRow::kOneStream;
  row.set_key({event.connection, event.outcome.streams.first});
  add_outcome(row, event.outcome, event.storage);
}

void EventBatch::add_outcome(const EventRow& row, const Outcome& outcome, MessageStorage* storage) {
  row.words[EventRow::kCode] = static_cast<std::uint32_t>(outcome.code);
  row.words[EventRow::kEnding] = static_cast<std::uint32_t>(outcome.ending());
  add_sentence(row, outcome.message);
  add_message(row, outcome.payload, nullptr, storage);
}

void EventBatch::add(const InboundCallEvent& event) {
  const std::uint32_t number = numbers_ == nullptr ? 0 : numbers_->insert(event.key);
  const EventRow row = begin_row(EventKind::kInboundCall, event.server);
  row.words[EventRow::kNumber] = number;
  row.words[EventRow::kMethod] = event.request.method;
  row.set_wide(EventRow::kTimeout, event.request.timeout_us);
  row.words[EventRow::kFlags] =
      (event.request.notify ? EventRow::kNotify : 0U) | (event.request.to_reference ? EventRow::kReference : 0U);
  row.words[EventRow::kStreams] += event.request.streams.count * EventRow::kOneStream;
  row.set_key(event.key);
  add_message(row, event.request.payload, &event.request.metadata, event.storage);
}

void EventBatch::add(const CancelEvent& event) {
  const std::uint32_t number = numbers_ == nullptr ? 0 : numbers_->find(event.key);
  if (number == InboundCallTable::kNone) return;  // it has been answered
  const EventRow row = begin_row(EventKind::kCancel, event.server);
  row.words[EventRow::kNumber] = number;
  row.set_key(event.key);
}

void EventBatch::add(const ClientStateEvent& event) {
  const EventRow row = begin_row(EventKind::kClientState, event.client);
  row.words[EventRow::kState] = static_cast<std::uint32_t>(event.state);
  row.words[EventRow::kCode] = static_cast<std::uint32_t>(event.code);
  add_sentence(row, event.message);
  if (event.state == ClientState::kClosed) ++handles_closed_;
}

void EventBatch::add(const ServerStateEvent& event) {
  const EventRow row = begin_row(EventKind::kServerState, event.server);
  row.words[EventRow::kState] = static_cast<std::uint32_t>(event.state);
  row.words[EventRow::kCode] = static_cast<std::uint32_t>(event.code);
  add_sentence(row, event.message);
  if (event.state == ServerState::kClosed) ++handles_closed_;
}

void EventBatch::add(const RoomEvent& event) { begin_row(EventKind::kRoom, event.client); }

EventRow EventBatch::begin_stream_row(EventKind kind, const StreamKey& stream) {
  const EventRow row = begin_row(kind, 0);
  row.set_key(stream);
  return row;
}

void EventBatch::add(const StreamsOpenEvent& event) {
  const EventRow row = begin_row(EventKind::kStreamsOpen, event.client);
  row.set_wide(EventRow::kToken, event.token);
  row.words[EventRow::kStreams] = event.count * EventRow::kOneStream;
  row.set_key(event.first);
}

void EventBatch::add(const ReferenceReleasedEvent& event) {
  begin_row(EventKind::kReferenceReleased, 0).set_wide(EventRow::kToken, event.reference);
}

void EventBatch::add(const StreamRoomEvent& event) { begin_stream_row(EventKind::kStreamRoom, event.stream); }

void EventBatch::add(const StreamCancelEvent& event) { begin_stream_row(EventKind::kStreamCancel, event.stream); }

void EventBatch::add(const StreamItemsEvent& event) {
  if (add_to_last(event)) return;
  const EventRow row = begin_stream_row(EventKind::kStreamItems, event.stream);
  row.words[EventRow::kItems] = event.count;
  row.set_wide(EventRow::kItemsBytes, event.window_bytes());
  add_message(row, event.items, nullptr, event.storage);
}

// A consumer that lags finds the messages of a stream as one.
bool EventBatch::add_to_last(const StreamItemsEvent& event) {
  if (rows_ == 0 || event.storage != nullptr || !fits(event.items.size())) return false;
  const EventRow last = row(rows_ - 1);
  const bool goes_on = last.words[EventRow::kKind] == static_cast<std::uint32_t>(EventKind::kStreamItems) &&
                       last.words[EventRow::kLongMessage] == 0 && last.key() == event.stream;
  if (!goes_on) return false;
  const std::uint32_t start = last.words[EventRow::kPayloadStart];
  add_bytes(last, EventRow::kPayloadStart, event.items);
  last.words[EventRow::kPayloadStart] = start;
  last.words[EventRow::kItems] += event.count;
  last.set_wide(EventRow::kItemsBytes, last.wide(EventRow::kItemsBytes) + event.window_bytes());
  return true;
}

void EventBatch::add(const StreamEndEvent& event) {
  add_outcome(begin_stream_row(EventKind::kStreamEnd, event.stream), event.outcome, event.storage);
}

}  // namespace ipcbridge
