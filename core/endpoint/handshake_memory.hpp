#pragma once

#include <cstdint>

#include "core/rpc/account.hpp"

namespace ipcbridge {

// Where the memory of unfinished handshakes is counted: HELLOs of which a part has come, or has not gone out yet. They
// have limits of their own, because whoever has not finished has no session yet that could be held to one.
struct HandshakeAccounts {
  Account* server = nullptr;  // of all; null: nothing counts
  Account* user = nullptr;    // of the peer's quota holder
};

// What one of them holds. It is given back by close() and not by the destructor: at the end of a Driver the accounts go
// before the connections.
class HandshakeMemory {
 public:
  explicit HandshakeMemory(const HandshakeAccounts& accounts) : server_(accounts.server), user_(accounts.user) {}
  HandshakeMemory(const HandshakeMemory&) = delete;
  HandshakeMemory& operator=(const HandshakeMemory&) = delete;

  // It holds this much now. False when that is too much for one of the accounts. What a usual HELLO takes is free, so
  // that those who send large ones slowly keep nobody else out.
  bool hold(std::uint64_t bytes) {
    const std::uint64_t counted = bytes <= kFreeBytes ? 0 : bytes;
    server_.refund(held_);
    user_.refund(held_);
    held_ = 0;
    if (counted != 0 && (!server_.has_room(counted) || !user_.has_room(counted))) return false;
    server_.charge(counted);
    user_.charge(counted);
    held_ = counted;
    return true;
  }

  void close() {
    server_.close();
    user_.close();
    held_ = 0;
  }

 private:
  static constexpr std::uint64_t kFreeBytes = 4096;

  AccountShare server_;
  AccountShare user_;
  std::uint64_t held_ = 0;
};

}  // namespace ipcbridge
