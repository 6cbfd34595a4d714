#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/fd.hpp"
#include "core/base/system.hpp"
#include "core/shm/ring.hpp"
#include "core/transport/channel.hpp"
#include "core/transport/ring_memory.hpp"

namespace ipcbridge {

// Frames through two rings in memory that both sides have. The socket carries one thing more, the doorbell, a byte of
// any value, and its hang-up tells that the peer is gone. Whose memory it is, is for those who derive from this: it
// must be there for as long as they are.
class alignas(64) RingChannel : public Channel, SegmentCarrier {
 public:
  ~RingChannel() override;

  const Principal& peer() const override { return peer_; }
  int fd() const override { return socket_.get(); }
  bool write(const FrameHeader& header, std::span<const ConstBytes> parts) override;
  bool wants_writable() const final { return false; }
  void on_writable() final {}
  Progress read(FrameSink& sink, ReadBudget budget, bool fd_ready) override;
  bool ready() const final;
  bool is_over() const final { return closed_ || writer_.corrupt(); }
  Glance glance() const final;
  bool prepare_sleep() final;
  void wake() final { reader_.wake(); }
  bool peer_is_on_this_cpu() const final;
  void tell_activity(const std::optional<shm::Activity>& activity) final;
  std::optional<shm::Activity> peer_activity(TimePoint now) const final;
  // One that has come before this was made; an invalid one was lost on the way.
  void receive_descriptor(Fd memory) { blobs_.on_descriptor(std::move(memory)); }
  BlobMemory* blob_memory() final { return &blobs_; }
  std::uint64_t written() const final { return writer_.position(); }
  std::uint64_t unread() const final { return writer_.unread(); }

 protected:
  // The ring that this side writes and the words that it tells the other; the other's of the same.
  struct Own {
    shm::SharedState& state;
    std::byte* ring;
    std::size_t ring_bytes;
  };
  struct Theirs {
    const shm::SharedState& state;
    const std::byte* ring;
    std::size_t ring_bytes;
  };
  RingChannel(System& system, Fd socket, Principal peer, const Own& own, const Theirs& theirs);

 private:
  bool pass(int descriptor) final;
  bool tell(FrameType type, ConstBytes body) final;
  void ring_doorbell();
  void answer_doorbell(bool& drained);
  Progress hand_on(const shm::RingReader::Record& record, FrameSink& sink);
  Progress read_segment(ConstBytes body);

  // What ready() reads lies at the front, on one cache line: it is asked of every awake connection in every run.
  bool closed_ = false;
  shm::RingReader reader_;
  shm::RingWriter writer_;
  shm::SharedState& own_;
  const shm::SharedState& theirs_;
  System& system_;
  Fd socket_;
  Principal peer_;
  RingMemory blobs_;
};

}  // namespace ipcbridge
