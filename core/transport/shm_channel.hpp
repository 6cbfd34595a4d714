#pragma once

#include "core/base/fd.hpp"
#include "core/base/system.hpp"
#include "core/shm/ring.hpp"
#include "core/shm/segment.hpp"
#include "core/transport/channel.hpp"

namespace ipcbridge {

// Frames through two rings in shared memory. The socket carries one thing more, the doorbell, a byte of any
// value, and its hang-up tells that the peer is gone.
class alignas(64) ShmChannel final : public Channel {
 public:
  ShmChannel(System& system, Fd socket, PeerIdentity peer, shm::OwnSegment own, shm::PeerSegment theirs);
  ~ShmChannel() override;

  std::string_view transport() const override { return "shm"; }
  PeerIdentity peer() const override { return peer_; }
  int fd() const override { return socket_.get(); }
  bool write(const FrameHeader& header, std::span<const ConstBytes> parts) override;
  bool wants_writable() const override { return false; }
  void on_writable() override {}
  Status read(FrameSink& sink, ReadBudget budget, bool fd_ready) override;
  bool ready() const override;
  bool is_over() const override { return closed_ || writer_.corrupt(); }
  Glance glance() const override;
  bool prepare_sleep() override;
  void wake() override { reader_.wake(); }
  bool peer_is_on_this_cpu() const override;
  void tell_activity(const std::optional<shm::Activity>& activity) override;
  std::optional<shm::Activity> peer_activity(TimePoint now) const override;
  std::uint64_t written() const override { return writer_.position(); }
  std::uint64_t unread() const override { return writer_.unread(); }

 private:
  void ring_doorbell();
  void answer_doorbell();

  // What ready() reads lies at the front, on one cache line: it is asked of every awake connection in every turn.
  bool closed_ = false;
  shm::RingReader reader_;
  shm::RingWriter writer_;
  System& system_;
  Fd socket_;
  PeerIdentity peer_;
  shm::OwnSegment own_;
  shm::PeerSegment theirs_;
};

}  // namespace ipcbridge
