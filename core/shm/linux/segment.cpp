#include "core/shm/segment.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "core/base/fork.hpp"
#include "core/base/frame.hpp"
#include "core/shm/ring.hpp"

// Linux 5.1; glibc has it in linux/fcntl.h only.
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace ipcbridge::shm {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE;

static_assert(max_record_body(kMinRingBytes) >= kMaxFrameBody);

bool is_ring_size(std::uint64_t bytes) {
  return bytes >= kMinRingBytes && bytes <= kMaxRingBytes && std::has_single_bit(bytes);
}

Error system_error(Code code, const std::string& what) { return {code, what + ": " + std::strerror(errno)}; }

Error not_a_segment(const std::string& why) {
  return {Code::kFailedPrecondition, "the peer's shared-memory descriptor was refused: " + why};
}

Result<Mapping> map(System& system, int fd, std::size_t size, int protection) {
  void* address = system.mmap(size, protection, MAP_SHARED, fd);
  if (address == MAP_FAILED) return system_error(Code::kResourceExhausted, "cannot map shared memory");
  Mapping mapping(static_cast<std::byte*>(address), size);
  ::madvise(address, size, MADV_DONTFORK);
  return mapping;
}

// Reserved is not enough: whoever touches a page first pays for it, also if only to read it. That is to be this
// process, and the peer's checks see that it was.
void touch(std::byte* memory, std::size_t size) {
#ifdef MADV_POPULATE_WRITE
  if (::madvise(memory, size, MADV_POPULATE_WRITE) == 0) return;  // Linux 5.14
#endif
  constexpr std::size_t kPage = 4096;
  for (std::size_t at = 0; at < size; at += kPage) *static_cast<volatile std::byte*>(memory + at) = std::byte{0};
}

// A page that nobody has written is a hole, whether it was reserved or not. Those that are there stay: the seals forbid
// holes for ever.
bool has_holes(int memfd, off_t size) { return ::lseek(memfd, 0, SEEK_HOLE) != size; }

// Segments that are mapped one after the other differ in their page numbers.
std::size_t spread_state(const Mapping& mapping) {
  constexpr std::size_t kBusyBytes = offsetof(SharedState, activity);  // the rest is hardly ever touched
  constexpr std::size_t kPlaces = (kHeaderBytes - kPadding - sizeof(SharedState)) / kBusyBytes + 1;
  const std::size_t page = reinterpret_cast<std::uintptr_t>(mapping.data()) / kHeaderBytes;
  return kPadding + page % kPlaces * kBusyBytes;
}

}  // namespace

Mapping::Mapping(std::byte* address, std::size_t size)
    : address_(address), size_(size), generation_(fork_guard::generation()) {}

Mapping::~Mapping() {
  // In a forked child something else may be mapped at the address by now.
  if (address_ != nullptr && generation_ == fork_guard::generation()) ::munmap(address_, size_);
}

Mapping::Mapping(Mapping&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), size_(other.size_), generation_(other.generation_) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(size_, other.size_);
  std::swap(generation_, other.generation_);
  return *this;
}

Result<OwnSegment> create_segment(System& system, std::size_t ring_bytes) {
  if (!is_ring_size(ring_bytes)) {
    return Error{Code::kInvalidArgument, "the ring size must be a power of two from 64 KiB to 64 MiB"};
  }
  const std::size_t size = kHeaderBytes + ring_bytes;
  OwnSegment segment;
  segment.memfd = Fd(system.memfd_create("ipcbridge", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!segment.memfd.valid()) return system_error(Code::kResourceExhausted, "cannot create shared memory");
  // fallocate and not ftruncate: memory that is promised but not there is a SIGBUS at the first touch.
  int reserved = -1;
  do {
    reserved = system.fallocate(segment.memfd.get(), 0, 0, static_cast<off_t>(size));
  } while (reserved != 0 && errno == EINTR);
  if (reserved != 0) {
    return system_error(Code::kResourceExhausted, "cannot reserve " + std::to_string(size) + " bytes of shared memory");
  }
  Result<Mapping> mapping = map(system, segment.memfd.get(), size, PROT_READ | PROT_WRITE);
  if (!mapping.ok()) return mapping.error();
  segment.mapping = std::move(mapping).value();
  segment.ring_bytes = ring_bytes;
  segment.state_offset = spread_state(segment.mapping);
  touch(segment.mapping.data(), size);
  new (segment.mapping.data()) SegmentHeader{kMagic, ring_bytes, segment.state_offset};
  new (segment.mapping.data() + segment.state_offset) SharedState;
  // After the mapping: FUTURE_WRITE forbids every writable mapping but those that exist.
  if (::fcntl(segment.memfd.get(), F_ADD_SEALS, kSeals) != 0) {
    return system_error(Code::kFailedPrecondition, "this kernel cannot seal shared memory (Linux 5.1 can)");
  }
  return segment;
}

Result<PeerSegment> open_segment(System& system, int memfd) {
  const int seals = ::fcntl(memfd, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return not_a_segment("it is not sealed");
  struct stat info {};
  if (::fstat(memfd, &info) != 0) return not_a_segment("it has no size");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size <= kHeaderBytes || !is_ring_size(size - kHeaderBytes)) return not_a_segment("its size is wrong");
  // To read a page that is not there yet is to get it, on this process's account. st_blocks would not tell: it counts
  // those beyond the end, and those that were reserved and never written.
  if (has_holes(memfd, info.st_size)) return not_a_segment("not all of its memory is there");
  Result<Mapping> mapping = map(system, memfd, size, PROT_READ);
  if (!mapping.ok()) return mapping.error();
  const auto header = load<SegmentHeader>(mapping.value().data());
  const std::size_t ring_bytes = size - kHeaderBytes;
  if (header.magic != kMagic || header.ring_bytes != ring_bytes || !is_state_offset(header.state_offset)) {
    return not_a_segment("its header is wrong");
  }
  return PeerSegment{std::move(mapping).value(), ring_bytes, header.state_offset};
}

}  // namespace ipcbridge::shm
