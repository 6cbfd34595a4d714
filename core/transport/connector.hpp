#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "core/base/result.hpp"
#include "core/transport/channel.hpp"

namespace ipcbridge {

// One attempt to reach an address. It has begun when it is made; the destructor cancels it. Used by one thread at a
// time; nothing here blocks.
class Connector {
 public:
  // A channel, before any handshake and whoever is at the other end (see Admission); or why there is none: unavailable
  // when nobody listens, permission_denied when this user may not connect, resource_exhausted when this process is out
  // of descriptors.
  using Outcome = Result<std::unique_ptr<Channel>>;

  Connector() = default;
  virtual ~Connector() = default;
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Goes on as far as it can; the outcome once, when there is one. Nothing: ask again when fd() is readable.
  virtual std::optional<Outcome> advance() = 0;

  // Once advance() has given nothing: a descriptor that stays the same to the end.
  virtual int fd() const = 0;
};

// For a transport that knows at once.
class InstantConnector final : public Connector {
 public:
  explicit InstantConnector(Outcome outcome) : outcome_(std::move(outcome)) {}
  std::optional<Outcome> advance() override { return std::exchange(outcome_, std::nullopt); }
  int fd() const override { return -1; }

 private:
  std::optional<Outcome> outcome_;
};

}  // namespace ipcbridge
