#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/base/blob.hpp"
#include "tests/core/support/support.hpp"
#include "tests/core/support/test_system.hpp"

namespace ipcbridge::testing_support {

// Has no number left for a descriptor that comes while `loses`.
class LosingSystem final : public TestSystem {
 public:
  ssize_t recvmsg(int fd, msghdr* message, int flags) override {
    const ssize_t received = TestSystem::recvmsg(fd, message, flags);
    if (received < 0 || !loses) return received;
    for (cmsghdr* header = CMSG_FIRSTHDR(message); header != nullptr; header = CMSG_NXTHDR(message, header)) {
      int passed = -1;
      std::memcpy(&passed, CMSG_DATA(header), sizeof passed);
      ::close(passed);
      message->msg_flags |= MSG_CTRUNC;
    }
    message->msg_controllen = 0;
    return received;
  }
  bool loses = false;
};

inline Attachment fill(BlobRef blob, std::uint32_t seed) {
  const Buffer content = pattern(blob->size(), seed);
  std::copy(content.begin(), content.end(), blob->data());
  return Attachment(std::move(blob));
}

inline Attachment fill(Result<BlobRef> blob, std::uint32_t seed) { return fill(std::move(blob).value(), seed); }

}  // namespace ipcbridge::testing_support
