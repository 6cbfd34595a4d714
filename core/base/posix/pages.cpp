#include "core/base/pages.hpp"

#include <sys/mman.h>

#include "core/base/posix/system_calls.hpp"

namespace ipcbridge {

std::byte* map_pages(System& system, std::size_t size) {
  void* address = system.calls().mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  return address == MAP_FAILED ? nullptr : static_cast<std::byte*>(address);
}

void unmap_pages(std::byte* address, std::size_t size) { ::munmap(address, size); }

}  // namespace ipcbridge
