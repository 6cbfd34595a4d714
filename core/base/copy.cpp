#include "core/base/copy.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ipcbridge {

namespace {

// Several times what a core has of its own. From the second size on glibc maps memory anew each time
// (M_MMAP_THRESHOLD), and the kernel has just written zeros to that, which are in the caches.
constexpr std::size_t kPastCaches = 8UL * 1024 * 1024;
constexpr std::size_t kFresh = 32UL * 1024 * 1024;

}  // namespace

#if defined(__SSE2__)

void copy_past_caches(std::byte* to, ConstBytes from) {
  constexpr std::size_t kLine = 64;
  constexpr std::size_t kStep = sizeof(__m128i);
  const std::size_t head = std::min(from.size(), -reinterpret_cast<std::uintptr_t>(to) % kStep);
  std::memcpy(to, from.data(), head);
  to += head;
  const std::size_t lines = (from.size() - head) / kLine;
  const std::byte* read = from.data() + head;
  for (std::size_t line = 0; line < lines; ++line) {
    __m128i words[kLine / kStep];
    std::memcpy(static_cast<void*>(words), read, kLine);
    for (std::size_t i = 0; i < kLine / kStep; ++i) _mm_stream_si128(reinterpret_cast<__m128i*>(to) + i, words[i]);
    read += kLine;
    to += kLine;
  }
  std::memcpy(to, read, (from.size() - head) % kLine);
  _mm_sfence();  // such stores are not ordered with those that tell of them
}

#else

void copy_past_caches(std::byte* to, ConstBytes from) { std::memcpy(to, from.data(), from.size()); }

#endif

void copy_bytes(std::byte* to, ConstBytes from) {
  if (from.size() >= kPastCaches && from.size() < kFresh) {
    copy_past_caches(to, from);
  } else if (!from.empty()) {
    std::memcpy(to, from.data(), from.size());
  }
}

}  // namespace ipcbridge
