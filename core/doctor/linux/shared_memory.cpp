#include <cerrno>
#include <cstdint>
#include <string>

#include "core/doctor/checks.hpp"
#include "core/doctor/posix/file_size.hpp"
#include "core/doctor/remedy.hpp"
#include "core/shm/segment.hpp"

namespace ipcbridge::doctor {
namespace {

constexpr const char* kCheck = "shared memory";
constexpr std::size_t kSegmentBytes = shm::kHeaderBytes + shm::kDefaultRingBytes;

std::string without(const std::string& why) { return why + ", so connections stay on sockets, and shm:// fails"; }

// Of a segment that cannot be had, or that this kernel cannot seal.
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
  const Result<shm::OwnSegment> own = shm::create_segment(system, shm::kDefaultRingBytes);
  if (!own.ok()) return fault(kCheck, without(own.error().message), remedy_of(own.error(), errno));
  const Result<shm::PeerSegment> peer = shm::open_segment(system, own.value().memory.get());
  if (!peer.ok()) return fault(kCheck, without(peer.error().message), remedy_of(peer.error(), errno));
  return ok(kCheck, "sealed memfds of " + std::to_string(kSegmentBytes / 1024) + " KiB, one a side of each connection");
}

}  // namespace ipcbridge::doctor
