#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/base/fd.hpp"
#include "core/base/linux/linux_calls.hpp"
#include "core/doctor/checks.hpp"
#include "core/doctor/remedy.hpp"
#include "core/shm/segment.hpp"

namespace ipcbridge::doctor {
namespace {

constexpr const char* kCheck = "shared memory";
constexpr std::size_t kSegmentBytes = shm::kHeaderBytes + shm::kDefaultRingBytes;

std::string without(const std::string& why) { return why + ", so connections stay on sockets, and shm:// fails"; }

// Of a segment that cannot be had although there are memfds.
std::string remedy_of(const Error& error, int system_error) {
  return remedy_for(error.code == Code::kResourceExhausted ? system_error : ENOSYS);
}

}  // namespace

Finding check_shared_memory(System& system) {
  if (const std::uint64_t limit = file_size_limit(); limit < kSegmentBytes) {
    return fault(kCheck,
                 without("the size of files is limited to " + std::to_string(limit) + " bytes, and a segment has " +
                         std::to_string(kSegmentBytes)),
                 "raise the limit: `ulimit -f unlimited` in a shell, LimitFSIZE=infinity in a systemd unit");
  }
  // create_segment() does not tell why there is none.
  const Fd memfd(linux_calls(system).memfd_create("ipcbridge-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memfd.valid()) {
    const int error = errno;
    return fault(kCheck, without(std::string("memfd_create fails: ") + std::strerror(error)), remedy_for(error));
  }
  const Result<shm::OwnSegment> own = shm::create_segment(system, shm::kDefaultRingBytes);
  if (!own.ok()) return fault(kCheck, without(own.error().message), remedy_of(own.error(), errno));
  const Result<shm::PeerSegment> peer = shm::open_segment(system, own.value().memory.get());
  if (!peer.ok()) return fault(kCheck, without(peer.error().message), remedy_of(peer.error(), errno));
  return ok(kCheck, "sealed memfds of " + std::to_string(kSegmentBytes / 1024) + " KiB, one a side of each connection");
}

}  // namespace ipcbridge::doctor
