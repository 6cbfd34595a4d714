#pragma once

#include <memory>
#include <utility>

#include "core/base/system.hpp"
#include "core/transport/ring_channel.hpp"

namespace ipcbridge {

// Between two threads of this process, for tests and for services that a program calls in itself: the rings lie in
// private memory that both ends own.
class InprocChannel final : public RingChannel {
 public:
  using Pair = std::pair<std::unique_ptr<Channel>, std::unique_ptr<Channel>>;
  static Result<Pair> create(System& system);

  std::string_view transport() const override { return "inproc"; }
  bool write(const FrameHeader& header, std::span<const ConstBytes> parts) override;
  Progress read(FrameSink& sink, ReadBudget budget, bool fd_ready) override;

 private:
  struct Memory;
  class HelloSink;

  InprocChannel(System& system, Fd socket, Principal peer, std::shared_ptr<Memory> memory, int side);

  std::shared_ptr<Memory> memory_;
  int side_;
  bool greeted_ = false;  // the peer's HELLO has been read
};

}  // namespace ipcbridge
