#include <sys/mman.h>

#include <cstdint>

#include "core/base/pages.hpp"

namespace ipcbridge {

void prefer_large_pages(std::byte* memory, std::size_t size) {
  constexpr std::size_t kLargePage = 2UL * 1024 * 1024;
  constexpr std::size_t kWorthIt = 2 * kLargePage;
  if (size < kWorthIt) return;
  const std::size_t before = (kLargePage - reinterpret_cast<std::uintptr_t>(memory) % kLargePage) % kLargePage;
  ::madvise(memory + before, (size - before) & ~(kLargePage - 1), MADV_HUGEPAGE);
}

}  // namespace ipcbridge
