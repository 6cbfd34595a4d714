#include "core/workers/method_history.hpp"

#include <algorithm>
#include <new>

namespace ipcbridge {

void MethodHistory::note(ServerId server, std::uint32_t method, bool slow) {
  // Known as slow after one slow call, forgiven after a few fast ones.
  constexpr std::uint8_t kUp = 4;
  constexpr std::uint8_t kMost = 64;
  std::uint8_t* slowness = slowness_of(server, method);
  if (slowness == nullptr) return;
  if (slow) {
    *slowness = static_cast<std::uint8_t>(std::min<unsigned>(kMost, *slowness + kUp));
  } else if (*slowness > 0) {
    --*slowness;
  }
}

bool MethodHistory::is_slow(ServerId server, std::uint32_t method) const {
  for (const Server& each : servers_) {
    if (each.id == server) return method < each.slowness.size() && each.slowness[method] > 0;
  }
  return false;
}

void MethodHistory::forget(ServerId server) {
  std::erase_if(servers_, [server](const Server& each) { return each.id == server; });
}

std::uint8_t* MethodHistory::slowness_of(ServerId server, std::uint32_t method) {
  try {
    auto found =
        std::find_if(servers_.begin(), servers_.end(), [server](const Server& each) { return each.id == server; });
    if (found == servers_.end()) found = servers_.insert(found, Server{server, {}});
    if (method >= found->slowness.size()) found->slowness.resize(method + 1);
    return &found->slowness[method];
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace ipcbridge
