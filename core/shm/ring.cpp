#include "core/shm/ring.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/cpu.hpp"

namespace ipcbridge::shm {
namespace {

bool is_odd(std::uint32_t word) { return (word & 1U) != 0; }

// The first half of a record's header, which is all there may be room for at the end of the ring.
constexpr std::size_t kHalfHeader = 8;

}  // namespace

RingWriter::RingWriter(SharedState& own, std::byte* ring, std::size_t ring_bytes, const SharedState& peer)
    : own_(own), ring_(ring), size_(ring_bytes), peer_(peer) {}

bool RingWriter::refresh() {
  const std::uint64_t read = peer_.read_index.load(std::memory_order_acquire);
  // An honest index never goes back, never passes what was written, and counts whole records.
  if (read < peer_read_ || read > write_ || read % kRecordAlign != 0) {
    corrupt_ = true;
    return false;
  }
  peer_read_ = read;
  return true;
}

bool RingWriter::reserve(std::size_t bytes) {
  if (size_ - (write_ - peer_read_) >= bytes) return true;
  if (refresh() && size_ - (write_ - peer_read_) >= bytes) return true;
  wanted_ = bytes;
  return false;
}

bool RingWriter::write(const FrameHeader& header, std::span<const ConstBytes> parts) {
  const std::size_t bytes = record_bytes(header.length);
  const std::size_t offset = write_ & (size_ - 1);
  const std::size_t to_end = size_ - offset;
  const std::size_t pad = bytes > to_end ? to_end : 0;
  if (!reserve(pad + bytes)) return false;
  std::byte* to = ring_ + offset;
  if (pad != 0) {
    const FrameHeader skip{static_cast<std::uint32_t>(pad - kHalfHeader), FrameType::kPad, 0, 0, 0};
    std::memcpy(to, &skip, kHalfHeader);
    to = ring_;
  }
  std::memcpy(to, &header, sizeof header);
  to += sizeof header;
  for (const ConstBytes part : parts) {
    if (part.empty()) continue;
    std::memcpy(to, part.data(), part.size());
    to += part.size();
  }
  write_ += pad + bytes;
  note_cpu();
  own_.write_index.store(write_, std::memory_order_seq_cst);
  return true;
}

void RingWriter::note_cpu() {
  const std::uint32_t cpu = current_cpu();
  if (cpu == cpu_) return;
  cpu_ = cpu;
  own_.cpu.store(cpu, std::memory_order_relaxed);
}

bool RingWriter::must_ring() {
  const std::uint32_t sleeping = peer_.sleeping.load(std::memory_order_seq_cst);
  if (!is_odd(sleeping) || sleeping == rung_) return false;
  rung_ = sleeping;
  return true;
}

bool RingWriter::wait_for_space() {
  // A new odd count each time: the peer may have answered the old one with less space than is needed.
  const std::uint32_t word = own_.wants_space.load(std::memory_order_relaxed);
  own_.wants_space.store(word + (waiting_ ? 2 : 1), std::memory_order_seq_cst);
  waiting_ = true;
  return !space_arrived();
}

void RingWriter::stop_waiting() {
  if (!waiting_) return;
  waiting_ = false;
  // Release suffices to take a wish back: a peer that still sees the old one rings once for nothing.
  own_.wants_space.store(own_.wants_space.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

bool RingWriter::space_arrived() const {
  const std::uint64_t used = write_ - peer_.read_index.load(std::memory_order_seq_cst);
  return used > size_ || size_ - used >= wanted_;  // nonsense counts as space: the next write finds it out
}

std::uint64_t RingWriter::unread() const {
  const std::uint64_t unread = write_ - peer_.read_index.load(std::memory_order_acquire);
  return unread > size_ ? 0 : unread;
}

RingReader::RingReader(const SharedState& peer, const std::byte* ring, std::size_t ring_bytes, SharedState& own)
    : peer_(peer), ring_(ring), size_(ring_bytes), own_(own) {}

bool RingReader::refresh() {
  const std::uint64_t write = peer_.write_index.load(std::memory_order_acquire);
  if (write < peer_write_ || write - read_ > size_ || write % kRecordAlign != 0) return false;
  peer_write_ = write;
  return true;
}

RingReader::Next RingReader::peek(Record& record) {
  if (read_ == peer_write_ && !refresh()) return Next::kCorrupt;
  std::size_t available = peer_write_ - read_;
  if (available == 0) return Next::kEmpty;
  std::size_t offset = read_ & (size_ - 1);
  std::size_t to_end = size_ - offset;

  // Copied first, judged afterwards: the peer may change it at any moment.
  FrameHeader header;
  std::memcpy(static_cast<void*>(&header), ring_ + offset, kHalfHeader);
  std::size_t skipped = 0;
  if (header.type == FrameType::kPad) {
    // A pad is published together with the record behind it.
    if (header.length != to_end - kHalfHeader || available <= to_end) return Next::kCorrupt;
    skipped = to_end;
    available -= skipped;
    offset = 0;
    to_end = size_;
    std::memcpy(static_cast<void*>(&header), ring_, kHalfHeader);
    if (header.type == FrameType::kPad) return Next::kCorrupt;
  }
  // The peer chose the size of the ring, but not how long a frame may be.
  if (header.length > std::min(max_record_body(size_), kMaxFrameBody)) return Next::kCorrupt;
  const std::size_t bytes = record_bytes(header.length);
  if (bytes > available || bytes > to_end) return Next::kCorrupt;
  header.call_id = load<std::uint64_t>(ring_ + offset + kHalfHeader);
  record.header = header;
  record.body = ConstBytes(ring_ + offset + sizeof header, header.length);
  current_ = skipped + bytes;
  return Next::kRecord;
}

void RingReader::consume() {
  read_ += current_;
  current_ = 0;
}

bool RingReader::publish() {
  if (published_ == read_) return false;
  published_ = read_;
  own_.read_index.store(read_, std::memory_order_seq_cst);
  const std::uint32_t wants = peer_.wants_space.load(std::memory_order_seq_cst);
  if (!is_odd(wants) || wants == rung_) return false;
  rung_ = wants;
  return true;
}

bool RingReader::ready() const {
  return peer_write_ != read_ || peer_.write_index.load(std::memory_order_acquire) != read_;
}

bool RingReader::prepare_sleep() {
  if (!is_odd(sleep_)) own_.sleeping.store(++sleep_, std::memory_order_seq_cst);
  if (peer_.write_index.load(std::memory_order_seq_cst) == read_) return true;
  // Awake after all, so the word must say so: a peer that has rung for this sleep would not ring again for it.
  wake();
  return false;
}

void RingReader::wake() {
  // Release suffices here: a producer that still sees the old word rings once for nothing.
  if (is_odd(sleep_)) own_.sleeping.store(++sleep_, std::memory_order_release);
}

}  // namespace ipcbridge::shm
