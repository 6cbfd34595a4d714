#include "core/base/pages.hpp"

#include <sys/mman.h>

#include "core/base/posix/system_calls.hpp"

namespace ipcbridge {

std::byte* map_pages(System& system, std::size_t size) {
  void* address = system.calls().mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  return address == MAP_FAILED ? nullptr : static_cast<std::byte*>(address);
}

void prefer_large_pages(std::byte* memory, std::size_t size) {
#ifdef MADV_HUGEPAGE
  constexpr std::size_t kLargePage = 2UL * 1024 * 1024;
  constexpr std::size_t kWorthIt = 2 * kLargePage;
  if (size < kWorthIt) return;
  const std::size_t before = (kLargePage - reinterpret_cast<std::uintptr_t>(memory) % kLargePage) % kLargePage;
  ::madvise(memory + before, (size - before) & ~(kLargePage - 1), MADV_HUGEPAGE);
#else
  static_cast<void>(memory);
  static_cast<void>(size);
#endif
}

void unmap_pages(std::byte* address, std::size_t size) { ::munmap(address, size); }

}  // namespace ipcbridge
