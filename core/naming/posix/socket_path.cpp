#include <sys/un.h>

#include "core/naming/address.hpp"

namespace ipcbridge {

// And a terminator.
constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace ipcbridge
