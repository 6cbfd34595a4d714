#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/bytes.hpp"
#include "core/base/frame.hpp"
#include "core/base/result.hpp"
#include "core/shm/layout.hpp"

namespace ipcbridge::shm {

// A single-producer single-consumer ring of records. A record is a FrameHeader and its body, padded to 8
// bytes; it never wraps: a PAD record fills what is left before the end. Indices are byte counts that run
// freely and never wrap in practice (2^64 bytes). After rigtorp's SPSCQueue each side keeps a copy of the
// other's index and looks at the shared one only when the copy says full or empty.
//
// The sleep handshake, for messages as for space, is Dekker's: one side stores its index then loads the
// word, the other stores the word then loads the index, all four seq_cst, so that at least one of them
// sees the other's store. tests/core/sleep_model_test.cpp walks every interleaving.

inline constexpr std::size_t kRecordAlign = 8;

constexpr std::size_t record_bytes(std::size_t body) {
  return (sizeof(FrameHeader) + body + kRecordAlign - 1) & ~(kRecordAlign - 1);
}

// The largest body that a ring of this size takes: a record is at most a quarter of it, so that a ring
// that is not full can always make progress whatever the position of its end.
constexpr std::size_t max_record_body(std::size_t ring_bytes) { return ring_bytes / 4 - sizeof(FrameHeader); }

class RingWriter {
 public:
  // Both states and the ring outlive the writer. `own` and `ring` are this side's.
  RingWriter(SharedState& own, std::byte* ring, std::size_t ring_bytes, const SharedState& peer);

  // False when there is no room, or when the peer's index is nonsense (see corrupt()).
  bool write(const FrameHeader& header, std::span<const ConstBytes> parts);

  // Whether the peer sleeps and has not been rung for this sleep yet; true once per sleep.
  bool must_ring();

  // Publishes that a write failed for want of space; true if there is still no room, so that the peer
  // will ring. stop_waiting() takes it back.
  bool wait_for_space();
  void stop_waiting();
  bool waiting() const { return waiting_; }
  bool space_arrived() const;

  bool corrupt() const { return corrupt_; }

  // How much has been written, and how much of it the peer has not read, by its own word; nonsense says nothing.
  std::uint64_t position() const { return write_; }
  std::uint64_t unread() const;

 private:
  bool reserve(std::size_t bytes);
  void note_cpu();
  bool refresh();

  SharedState& own_;
  std::byte* ring_;
  std::size_t size_;
  const SharedState& peer_;
  std::uint64_t write_ = 0;
  std::uint64_t peer_read_ = 0;  // cached
  std::size_t wanted_ = 0;       // bytes that the last failed write needed
  std::uint32_t rung_ = 0;
  std::uint32_t cpu_ = 0;
  bool waiting_ = false;
  bool corrupt_ = false;
};

class RingReader {
 public:
  // `ring` is the peer's, mapped read-only; `own` carries this side's read index and sleep word.
  RingReader(const SharedState& peer, const std::byte* ring, std::size_t ring_bytes, SharedState& own);

  struct Record {
    FrameHeader header;  // copied out of the ring and validated
    ConstBytes body;     // still in the ring; valid until consume()
  };

  // The next record, or nothing when the ring is empty. data_loss when the peer wrote nonsense.
  enum class Next : std::uint8_t { kRecord, kEmpty, kCorrupt };
  Next peek(Record& record);
  void consume();

  // Publishes what has been consumed. True when the peer waits for that space and must be rung.
  bool publish();

  // How much has been consumed: a peer's write_index that says so has nothing more to read.
  std::uint64_t position() const { return read_; }
  // Where the next record will be, if there is room for it before the end of the ring.
  const std::byte* next_record() const { return ring_ + (read_ & (size_ - 1)); }

  bool ready() const;
  bool prepare_sleep();  // false when a record is there after all
  void wake();

 private:
  bool refresh();

  const SharedState& peer_;
  std::uint64_t read_ = 0;
  std::uint64_t peer_write_ = 0;  // cached and validated
  const std::byte* ring_;
  std::size_t size_;
  SharedState& own_;
  std::uint64_t published_ = 0;
  std::size_t current_ = 0;  // bytes of the record that peek returned
  std::uint32_t rung_ = 0;
  std::uint32_t sleep_ = 0;
};

}  // namespace ipcbridge::shm
