#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/transport/connector.hpp"

namespace ipcbridge {

class Context;

// An attempt to connect that the Driver's poller watches. Used under the Driver's lock; the destructor cancels.
class Dial {
 public:
  // Made by Context::dial().
  Dial(Context& context, std::uint64_t id, std::unique_ptr<Connector> connector);
  ~Dial();
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

  std::uint64_t id() const { return id_; }

  // The outcome, once. Nothing: the owner will be told when to ask again.
  std::optional<Connector::Outcome> advance();

 private:
  Context& context_;
  std::uint64_t id_;
  std::unique_ptr<Connector> connector_;
  bool watched_ = false;
};

}  // namespace ipcbridge
