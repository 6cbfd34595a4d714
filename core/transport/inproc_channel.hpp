#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "core/base/fd.hpp"
#include "core/base/system.hpp"
#include "core/transport/channel.hpp"

namespace ipcbridge {

// Frames through queues in this process's memory, for tests and for services that a program calls in
// itself. The two ends may live on different threads.
class InprocChannel final : public Channel {
 public:
  using Pair = std::pair<std::unique_ptr<Channel>, std::unique_ptr<Channel>>;
  static Result<Pair> create(System& system);

  ~InprocChannel() override;

  std::string_view transport() const override { return "inproc"; }
  PeerIdentity peer() const override;
  int fd() const override;
  bool write(const FrameHeader& header, std::span<const ConstBytes> parts) override;
  bool wants_writable() const override { return false; }
  void on_writable() override {}
  Status read(FrameSink& sink, ReadBudget budget, bool fd_ready) override;
  bool ready() const override;
  bool prepare_sleep() override;
  void wake() override {}

 private:
  struct Frame {
    FrameHeader header;
    Buffer body;
  };
  struct Direction {
    std::deque<Frame> frames;
    std::size_t bytes = 0;
    bool blocked = false;  // its writer found no room
    Fd bell;               // an eventfd of its reader
  };
  struct Pipe {
    std::mutex mutex;
    Direction directions[2];
    bool closed = false;
  };

  InprocChannel(std::shared_ptr<Pipe> pipe, int side) : pipe_(std::move(pipe)), side_(side) {}
  Direction& incoming() const { return pipe_->directions[side_]; }
  Direction& outgoing() const { return pipe_->directions[1 - side_]; }
  // False when no frame is there that the budget allows; a HELLO always is.
  bool take(Frame& frame, std::size_t budget);

  std::shared_ptr<Pipe> pipe_;
  int side_;
};

}  // namespace ipcbridge
