#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/endpoint/events.hpp"

namespace ipcbridge {

// Collects the events of a turn: payloads are copied into one slab that the consumer provides (long
// messages keep their own storage), so that one crossing into the other language carries them all.
class EventBatch final : public EventSink {
 public:
  struct Bytes {
    std::uint32_t offset = 0;  // in the slab, or in `storage`
    std::uint32_t size = 0;
  };

  struct Record {
    Event::Kind kind = Event::Kind::kOutcome;
    std::uint8_t state = 0;
    Code code = Code::kOk;
    bool sent_maybe = false;
    bool not_started = false;
    bool remote = false;
    std::uint32_t owner = 0;
    std::uint32_t method = 0;
    std::uint64_t token = 0;
    RequestKey key;
    std::uint64_t timeout_us = 0;
    Bytes payload;
    Bytes metadata;
    Bytes message;
    Buffer storage;  // of a long message; then payload and metadata are in it
  };

  explicit EventBatch(std::size_t max_records) : max_records_(max_records) {}

  // Starts a new batch in this slab, which must outlive it and take at least kMinSlabBytes.
  static constexpr std::size_t kMinSlabBytes = 64UL * 1024;
  void reset(MutableBytes slab);

  const std::vector<Record>& records() const { return records_; }
  std::vector<Record>& records() { return records_; }
  bool empty() const { return records_.empty(); }

  bool has_room() const override;
  void on_event(const Event& event) override;

 private:
  Bytes copy(ConstBytes bytes);

  std::size_t max_records_;
  std::vector<Record> records_;
  MutableBytes slab_;
  std::size_t used_ = 0;
};

}  // namespace ipcbridge
