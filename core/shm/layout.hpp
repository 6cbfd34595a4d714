#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ipcbridge::shm {

// docs/protocol.md, "Shared memory". One segment is written by one side only and read by the other.
inline constexpr std::uint64_t kMagic = 0x31474553'43504949ULL;  // "IIPCSEG1" in memory order
inline constexpr std::size_t kHeaderBytes = 4096;
inline constexpr std::size_t kDefaultRingBytes = 64UL * 1024;
inline constexpr std::size_t kMinRingBytes = kDefaultRingBytes;  // a quarter of it takes the largest frame
inline constexpr std::size_t kMaxRingBytes = 64UL * 1024 * 1024;

// Two cache lines, because the adjacent-line prefetcher of x86 fetches lines in pairs.
inline constexpr std::size_t kPadding = 128;

// A sleep or want-space word is a count: odd while its owner sleeps or wants, even while it does not. A
// count and not a flag, so that the peer rings once for each sleep however often it looks.
//
// What shares a line and what does not is worth half a microsecond a call: the peer polls write_index, so the
// words that it must look at after each of its own messages lie beside it and come for free; read_index
// changes with every batch that this side takes, and the peer looks at it only when its ring seems full.
struct SharedState {  // NOLINT(clang-analyzer-optin.performance.Padding): the padding is the point
  alignas(kPadding) std::atomic<std::uint64_t> write_index{0};  // of this segment's ring
  std::atomic<std::uint32_t> sleeping{0};
  std::atomic<std::uint32_t> wants_space{0};
  std::atomic<std::uint32_t> cpu{0};  // a hint: where this side wrote last, counted from 1; 0: unknown
  alignas(kPadding) std::atomic<std::uint64_t> read_index{0};  // of the other segment's ring
  // What this side has been doing for long (activity.hpp). No call touches this line.
  alignas(kPadding) std::atomic<std::uint64_t> activity{0};
};

// At the start of the segment. Where in its first page the SharedState lies is the creator's choice: a cache keeps
// few lines for each offset in a page, so a process of a thousand connections spreads them.
struct SegmentHeader {
  std::uint64_t magic = kMagic;
  std::uint64_t ring_bytes = 0;
  std::uint64_t state_offset = kPadding;
};

constexpr bool is_state_offset(std::uint64_t offset) {
  return offset >= kPadding && offset <= kHeaderBytes - sizeof(SharedState) && offset % kPadding == 0;
}
static_assert(sizeof(SegmentHeader) <= kPadding && is_state_offset(kPadding));
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace ipcbridge::shm
