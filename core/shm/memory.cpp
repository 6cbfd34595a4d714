#include "core/shm/memory.hpp"

#include <cstddef>
#include <string>
#include <utility>

#include "core/base/fork.hpp"
#include "core/base/pages.hpp"

namespace ipcbridge::shm {

Mapping::Mapping(std::byte* address, std::size_t size)
    : address_(address), size_(size), generation_(fork_guard::generation()) {}

Mapping::~Mapping() {
  // In a forked child something else may be mapped at the address by now.
  if (address_ != nullptr && generation_ == fork_guard::generation()) unmap_pages(address_, size_);
}

Mapping::Mapping(Mapping&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), size_(other.size_), generation_(other.generation_) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(size_, other.size_);
  std::swap(generation_, other.generation_);
  return *this;
}

Error not_a_segment(const std::string& why) {
  return {Code::kFailedPrecondition, "the peer's shared-memory descriptor was refused: " + why};
}

}  // namespace ipcbridge::shm
