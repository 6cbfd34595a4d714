#include "bindings/node/batch_sink.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/base/frame.hpp"

namespace ipcbridge::node {
namespace {

constexpr std::size_t kMaxSentenceBytes = 4096;

enum Flag : std::uint32_t { kNotify = 1, kSentMaybe = 2, kRemote = 4 };

std::uint32_t flags_of(const Event& event) {
  return (event.request.notify ? kNotify : 0U) | (event.outcome.sent_maybe ? kSentMaybe : 0U) |
         (event.outcome.remote ? kRemote : 0U);
}

}  // namespace

void BatchSink::use(std::span<std::uint32_t> table, MutableBytes slab) {
  table_ = table;
  slab_ = slab;
  limit_ = most_rows();
}

void BatchSink::adapt(Duration took, Duration budget) {
  limit_ = took > budget ? std::max<std::size_t>(1, rows_ / 2) : std::min(limit_ * 2, most_rows());
}

void BatchSink::reset() {
  rows_ = 0;
  used_ = 0;
  long_messages_.clear();
}

bool BatchSink::has_room() const { return rows_ < limit_ && slab_.size() - used_ >= kMaxFrameBody + kMaxSentenceBytes; }

BatchSink::Place BatchSink::copy(ConstBytes bytes) {
  const auto start = static_cast<std::uint32_t>(used_);
  if (!bytes.empty()) std::memcpy(slab_.data() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
  return {start, static_cast<std::uint32_t>(used_)};
}

void BatchSink::on_event(const Event& event) {
  const bool is_request = event.kind == Event::Kind::kRequest;
  std::uint32_t number = static_cast<std::uint32_t>(event.token);
  if (is_request) number = requests_.insert(event.key);
  if (event.kind == Event::Kind::kCancel) {
    number = requests_.find(event.key);
    if (number == RequestTable::kNone) return;
  }

  const Place sentence = copy(as_bytes(event.outcome.message.substr(0, kMaxSentenceBytes)));
  ConstBytes payload = is_request ? event.request.payload : event.outcome.payload;
  Place payload_place;
  Place metadata_place;
  std::uint32_t long_message = 0;
  if (event.storage == nullptr && payload.size() + event.request.metadata.size() <= slab_.size() - used_) {
    payload_place = copy(payload);
    metadata_place = copy(event.request.metadata);
  } else {
    Buffer buffer;
    const std::byte* base = nullptr;
    if (event.storage != nullptr) {
      base = event.storage->data();
      buffer = std::move(*event.storage);
    } else {
      append(buffer, payload);
      base = payload.data();
    }
    const auto place = [base](ConstBytes bytes) {
      if (bytes.empty()) return Place{};
      const auto start = static_cast<std::uint32_t>(bytes.data() - base);
      return Place{start, start + static_cast<std::uint32_t>(bytes.size())};
    };
    payload_place = place(payload);
    metadata_place = event.storage != nullptr ? place(event.request.metadata) : Place{};
    long_messages_.push_back(std::move(buffer));
    long_message = static_cast<std::uint32_t>(long_messages_.size());
  }

  std::uint32_t* row = table_.data() + (rows_ * kRowWords);
  row[0] = static_cast<std::uint32_t>(event.kind);
  row[1] = event.owner;
  row[2] = number;
  row[3] = is_request ? event.request.method : event.state;
  row[4] = static_cast<std::uint32_t>(event.outcome.code);
  row[5] = flags_of(event);
  row[6] = payload_place.start;
  row[7] = payload_place.end;
  row[8] = metadata_place.start;
  row[9] = metadata_place.end;
  row[10] = sentence.start;
  row[11] = sentence.end;
  row[12] = static_cast<std::uint32_t>(event.request.timeout_us);
  row[13] = static_cast<std::uint32_t>(event.request.timeout_us >> 32U);
  row[14] = long_message;
  ++rows_;
}

}  // namespace ipcbridge::node
