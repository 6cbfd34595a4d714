#include "core/shm/memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/linux/linux_calls.hpp"
#include "core/shm/linux/pages_of_its_own.hpp"

// Linux 5.1; glibc has it in linux/fcntl.h only.
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace ipcbridge::shm {
namespace {

constexpr int kDontNeedLocked = 24;  // MADV_DONTNEED_LOCKED, Linux 5.18

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE;

// linux/magic.h, which not all have.
constexpr long kHugePages = 0x958458f6;

Error system_error(Code code, const std::string& what) { return {code, what + ": " + std::strerror(errno)}; }

}  // namespace

Result<Fd> make_memory(System& system, std::size_t size) {
  Fd memory(linux_calls(system).memfd_create("ipcbridge", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) return system_error(Code::kResourceExhausted, "cannot create shared memory");
  // fallocate and not ftruncate: memory that is promised but not there is a SIGBUS at the first touch.
  int reserved = -1;
  do {
    reserved = linux_calls(system).fallocate(memory.get(), 0, 0, static_cast<off_t>(size));
  } while (reserved != 0 && errno == EINTR);
  if (reserved != 0) {
    return system_error(Code::kResourceExhausted, "cannot reserve " + std::to_string(size) + " bytes of shared memory");
  }
  return memory;
}

Result<Mapping> map_memory(System& system, int memory, std::size_t size, Access access) {
  const bool is_writable = access == Access::kReadWrite || access == Access::kCopyOnWrite;
  const bool is_shared = access == Access::kRead || access == Access::kReadWrite;
  const int protection = is_writable ? PROT_READ | PROT_WRITE : PROT_READ;
  const int sharing = is_shared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE;
  void* address = system.calls().mmap(size, protection, sharing, memory);
  if (address == MAP_FAILED) return system_error(Code::kResourceExhausted, "cannot map shared memory");
  Mapping mapping(static_cast<std::byte*>(address), size);
  ::madvise(address, size, MADV_DONTFORK);
  return mapping;
}

void touch(std::byte* memory, std::size_t size) {
#ifdef MADV_POPULATE_WRITE
  ::madvise(memory, size, MADV_POPULATE_WRITE);  // all at once, from Linux 5.14 on
#endif
  // Also where that has done it, which costs little: qemu's emulation of user programs says so, and has done nothing.
  constexpr std::size_t kPage = 4096;
  for (std::size_t at = 0; at < size; at += kPage) *static_cast<volatile std::byte*>(memory + at) = std::byte{0};
}

std::uint64_t page_faults() {
  struct rusage used {};
  if (::getrusage(RUSAGE_SELF, &used) != 0) return 0;
  return static_cast<std::uint64_t>(used.ru_minflt) + static_cast<std::uint64_t>(used.ru_majflt);
}

void forget_writes(std::byte* memory, std::size_t size) {
  // Most is only read, and what is dropped has to be mapped again page by page when it is read next.
  if (!may_have_pages_of_its_own(memory, size) || ::madvise(memory, size, MADV_DONTNEED) == 0) return;
  ::madvise(memory, size, kDontNeedLocked);  // what an addon has locked
}

Status read_memory(int memory, std::uint64_t offset, MutableBytes into) {
  while (!into.empty()) {
    const ssize_t read = ::pread(memory, into.data(), into.size(), static_cast<off_t>(offset));
    if (read < 0 && errno == EINTR) continue;
    if (read <= 0) return system_error(Code::kResourceExhausted, "cannot read shared memory");
    into = into.subspan(static_cast<std::size_t>(read));
    offset += static_cast<std::uint64_t>(read);
  }
  return {};
}

Status seal(int memory) {
  if (::fcntl(memory, F_ADD_SEALS, kSeals) == 0) return {};
  return system_error(Code::kFailedPrecondition, "this kernel cannot seal shared memory (Linux 5.1 can)");
}

Status seal_contents(const Mapping& mapping, int memory) {
  // In the place of the one that can be written to, which is gone then.
  void* const read_only =
      ::mmap(mapping.data(), mapping.size(), PROT_READ, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, memory, 0);
  if (read_only == MAP_FAILED) return system_error(Code::kFailedPrecondition, "cannot map shared memory read-only");
  ::madvise(read_only, mapping.size(), MADV_DONTFORK);
  if (::fcntl(memory, F_ADD_SEALS, kSeals | F_SEAL_WRITE) == 0) return {};
  return system_error(Code::kFailedPrecondition, "cannot seal what is in shared memory");
}

bool has_sealed_contents(int memory) {
  const int seals = ::fcntl(memory, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

Result<std::uint64_t> sealed_size(int memory) {
  const int seals = ::fcntl(memory, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return not_a_segment("it is not sealed");
  // Of huge pages nobody can tell whether they are there, and where one is missing a touch ends the process.
  struct statfs system {};
  if (::fstatfs(memory, &system) != 0 || system.f_type == kHugePages) return not_a_segment("it is of huge pages");
  struct stat info {};
  if (::fstat(memory, &info) != 0) return not_a_segment("it has no size");
  return static_cast<std::uint64_t>(info.st_size);
}

// A page that nobody has written is a hole, whether it was reserved or not. Those that are there stay: the seals forbid
// holes for ever. st_blocks would not tell: it counts those beyond the end, and those that were reserved and never
// written.
bool is_present(int memory, std::uint64_t size) { return ::lseek(memory, 0, SEEK_HOLE) == static_cast<off_t>(size); }

}  // namespace ipcbridge::shm
