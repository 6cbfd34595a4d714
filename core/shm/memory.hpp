#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"

namespace ipcbridge::shm {

// Memory that two processes can share, and only one of them write, as the platform has it: segments are made of it.

// A mapping of such memory, or of pages of this process alone. A forked child does not inherit the former.
class Mapping {
 public:
  Mapping() = default;
  Mapping(std::byte* address, std::size_t size);
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::byte* data() const { return address_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* address_ = nullptr;
  std::size_t size_ = 0;
  unsigned generation_ = 0;
};

// kCopyOnWrite: what is written is this process's own, and nobody else sees it. kReadSealed: as kRead, of what has
// sealed contents, which Linux before 6.7 maps in no other way.
enum class Access : std::uint8_t { kRead, kReadWrite, kCopyOnWrite, kReadSealed };

// All of it is there, and not only promised: what is missing at the first touch ends a process. resource_exhausted.
Result<Fd> make_memory(System& system, std::size_t size);

// resource_exhausted when it cannot be mapped.
Result<Mapping> map_memory(System& system, int memory, std::size_t size, Access access);

// To reserve memory is not enough: whoever touches a page first pays for it, even if only to read it. This touches all
// pages, so that this process pays, which the peer's is_present() can see.
void touch(std::byte* memory, std::size_t size);

// Of this process so far; 0 where they are not counted. Without one nothing has been written to a mapping that is
// kCopyOnWrite.
std::uint64_t page_faults();

// Pages of a mapping that is kCopyOnWrite: what was written there is forgotten, and what is shared is seen again.
void forget_writes(std::byte* memory, std::size_t size);

// What a mapping would show, where none can be had. resource_exhausted.
Status read_memory(int memory, std::uint64_t offset, MutableBytes into);

// From now on nobody, not even its creator, can shrink it, grow it, punch holes in it or map it writable again.
Status seal(int memory);

// The same, and nobody can change what is in it any more. The mapping, which has to be the only one that can be written
// to, stays where it is; it is read-only, or may be when this fails. failed_precondition.
Status seal_contents(const Mapping& mapping, int memory);
// Whether that has been done.
bool has_sealed_contents(int memory);

// The size of a descriptor from a peer, if it is sealed; it may be anything. failed_precondition.
Result<std::uint64_t> sealed_size(int memory);

// Whether every page has been allocated; the seals keep it so.
bool is_present(int memory, std::uint64_t size);

// failed_precondition, of what a peer has passed.
Error not_a_segment(const std::string& why);

}  // namespace ipcbridge::shm
