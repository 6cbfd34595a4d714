#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/endpoint/events.hpp"
#include "core/endpoint/inbound_call_table.hpp"

namespace ipcbridge {

// The numbers of the kinds in a batch: their places in Event.
enum class EventKind : std::uint32_t {
  kOutcome,
  kInboundCall,
  kCancel,
  kClientState,
  kServerState,
  kRoom,
  kStreamsOpen,
  kStreamRoom,
  kStreamCancel,
  kStreamItems,
  kStreamEnd,
  kReferenceReleased,
};

// One event of a batch, as numbers. What a number means depends on the kind of the event; js/src/native.ts has the same
// table. All are u32; a wider number is in two, the lower half first.
struct EventRow {
  static constexpr std::size_t kWords = 16;

  enum Column : std::size_t {
    kKind = 0,           // an EventKind
    kOwner = 1,          // the client or server
    kToken = 2,          // outcome; of a released reference its id: 2 words
    kNumber = 2,         // inbound call, cancel: see InboundCallTable
    kMethod = 3,         // inbound call
    kState = 3,          // state changes
    kCode = 4,           // outcome, state changes
    kEnding = 5,         // outcome
    kTimeout = 4,        // inbound call: 2 words
    kPayloadStart = 6,   // outcome, inbound call: where the payload is, in the slab or in the long message
    kPayloadEnd = 7,     //
    kMessageStart = 8,   // outcome, state changes: in the slab
    kMessageEnd = 9,     //
    kMetadataStart = 8,  // inbound call: beside the payload
    kMetadataEnd = 9,    //
    kLongMessage = 10,   // which of the long messages has the payload and the metadata, counted from 1; 0: the slab
    kFlags = 11,         // inbound call: Flags
    kStreams = 11,       // outcome, inbound call, streams open: how many, times kOneStream
    kConnection = 12,    // inbound call, cancel, streams: 2 words
    kCallId = 14,        // inbound call, cancel; of streams their own, the first where there are several: 2 words
    kItems = 3,          // stream items: how many
    kItemsBytes = 4,     // stream items: what they were in bytes, as the window counts: 2 words
  };
  // kReference: the payload begins with the id of what is called, a u64.
  enum Flag : std::uint32_t { kNotify = 1, kReference = 2 };
  static constexpr std::uint32_t kOneStream = 4;  // beside the flags

  std::uint64_t wide(Column low) const { return words[low] | static_cast<std::uint64_t>(words[low + 1]) << 32U; }
  void set_wide(Column low, std::uint64_t value) const {
    words[low] = static_cast<std::uint32_t>(value);
    words[low + 1] = static_cast<std::uint32_t>(value >> 32U);
  }
  void set_key(const RequestKey& key) const {
    set_wide(kConnection, key.connection);
    set_wide(kCallId, key.id);
  }
  RequestKey key() const { return {wide(kConnection), wide(kCallId)}; }
  std::uint32_t streams() const { return words[kStreams] / kOneStream; }

  std::uint32_t* words = nullptr;
};

// Collects the events of a run in memory that the consumer provides: a row of numbers each in a table, the bytes in a
// slab (long messages keep their own storage). So one crossing into the other language carries them all, and no object
// is made for an event.
class EventBatch final : public EventSink {
 public:
  static constexpr std::size_t kMinSlabBytes = 64UL * 1024;

  // Without `numbers` the requests are known by their keys alone.
  explicit EventBatch(InboundCallTable* numbers = nullptr) : numbers_(numbers) {}

  // The memory must outlive the batch, or the next use().
  void use(std::span<std::uint32_t> table, MutableBytes slab);
  // Begins a new batch.
  void reset();

  // A batch that took longer than `budget` to handle makes the next ones smaller, so that what else waits for
  // the consumer's thread gets its chance between slow handlers; quick ones make them larger again.
  bool adapts() const { return rows_ > 1 || limit_ < most_rows(); }
  void adapt(Duration took, Duration budget);

  std::uint32_t size() const { return static_cast<std::uint32_t>(rows_); }
  bool empty() const { return rows_ == 0; }

  // For consumers in C++.
  EventRow row(std::size_t at) const { return {table_.subspan(at * EventRow::kWords, EventRow::kWords).data()}; }
  ConstBytes payload(const EventRow& row) const { return part(row, EventRow::kPayloadStart); }
  Payload whole_payload(const EventRow& row) const {
    const std::uint32_t number = row.words[EventRow::kLongMessage];
    return {payload(row), number == 0 ? std::span<const Attachment>() : long_messages_[number - 1].attachments};
  }
  ConstBytes metadata(const EventRow& row) const { return part(row, EventRow::kMetadataStart); }
  std::string_view message(const EventRow& row) const;

  // Copies the bytes of a long message, by its number, and gives their memory back. What is attached to it is given to
  // whoever asks for it first.
  void copy_long_message(std::uint32_t number, MutableBytes into);
  Attachments take_attachments(std::uint32_t number);

  // How many clients and servers are closed by what the rows say.
  std::size_t handles_closed() const { return handles_closed_; }

  std::size_t room() const override;
  void on_event(const Event& event) override;

 private:
  void add(const OutcomeEvent& event);
  void add(const InboundCallEvent& event);
  void add(const CancelEvent& event);
  void add(const ClientStateEvent& event);
  void add(const ServerStateEvent& event);
  void add(const RoomEvent& event);
  void add(const StreamsOpenEvent& event);
  void add(const StreamRoomEvent& event);
  void add(const StreamCancelEvent& event);
  void add(const StreamItemsEvent& event);
  bool add_to_last(const StreamItemsEvent& event);
  void add(const StreamEndEvent& event);
  void add(const ReferenceReleasedEvent& event);
  void add(const OrphansEvent&) {}  // for those who keep calls waiting

  EventRow begin_row(EventKind kind, std::uint32_t owner);
  EventRow begin_stream_row(EventKind kind, const StreamKey& stream);
  void add_outcome(const EventRow& row, const Outcome& outcome, MessageStorage* storage);
  void add_bytes(const EventRow& row, EventRow::Column start, ConstBytes bytes);
  void add_sentence(const EventRow& row, std::string_view sentence);
  void add_message(const EventRow& row, ConstBytes payload, const ConstBytes* metadata, MessageStorage* storage);
  void keep_long_message(const EventRow& row, ConstBytes payload, const ConstBytes* metadata, MessageStorage* storage);
  bool fits(std::size_t bytes) const { return bytes <= slab_.size() - used_; }
  ConstBytes part(const EventRow& row, EventRow::Column start) const;
  std::size_t most_rows() const { return table_.size() / EventRow::kWords; }

  InboundCallTable* numbers_;
  std::span<std::uint32_t> table_;
  MutableBytes slab_;
  std::size_t rows_ = 0;
  std::size_t limit_ = 0;
  std::size_t used_ = 0;
  std::size_t handles_closed_ = 0;
  std::vector<MessageStorage> long_messages_;
};

}  // namespace ipcbridge
