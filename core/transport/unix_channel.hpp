#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "core/base/fd.hpp"
#include "core/base/system.hpp"
#include "core/transport/channel.hpp"
#include "core/transport/memory_sharing.hpp"

namespace ipcbridge {

// On the heap; but what a HELLO needs is mapped, so that its memory goes back to the system: it may be large, and many
// wait for the rest of theirs at once.
struct ReleaseBuffer {
  std::size_t mapped = 0;
  void operator()(std::byte* buffer) const;
};
using ReceiveBuffer = std::unique_ptr<std::byte[], ReleaseBuffer>;

// Frames one after the other on a Unix stream socket, which can pass one descriptor each way.
class UnixChannel final : public Channel, public MemorySharing {
 public:
  UnixChannel(System& system, Fd socket, Principal peer);
  ~UnixChannel() override;

  std::string_view transport() const override { return "unix"; }
  const Principal& peer() const override { return peer_; }
  int fd() const override { return socket_.get(); }
  bool write(const FrameHeader& header, std::span<const ConstBytes> parts) override;
  std::size_t max_fragment() const override { return kMaxSocketFrameBody; }
  bool wants_writable() const override { return blocked_ || !unsent_.empty(); }
  void on_writable() override;
  Progress read(FrameSink& sink, ReadBudget budget, bool fd_ready) override;
  bool ready() const override { return complete_frame_; }
  bool prepare_sleep() override;
  void wake() override {}

  std::size_t compact() override;

  MemorySharing* memory_sharing() override { return this; }
  void attach(Fd fd) override { outgoing_fd_ = std::move(fd); }
  bool fd_refused() const override { return fd_refused_; }
  Fd take_received_fd() override { return std::move(received_fd_); }
  bool lost_fd() const override { return lost_fd_; }
  std::unique_ptr<Channel> share(shm::OwnSegment own, shm::PeerSegment theirs) override;

 private:
  ssize_t send(std::span<const ConstBytes> parts);
  void make_room();
  ReceiveBuffer make_buffer(std::size_t capacity) const;
  void resize(std::size_t capacity);
  MutableBytes missing(FrameSink& sink) const;
  void receive(FrameSink& sink);
  void begin_placing(const FrameHeader& header, FrameSink& sink);
  Progress finish_placing(FrameSink& sink, ReadBudget& budget, bool& is_whole);
  void skip_unwanted();
  Progress check_length() const;
  Progress check_begun(FrameSink& sink) const;
  Progress deliver(FrameSink& sink, ReadBudget& budget);
  void keep_unsent(std::span<const ConstBytes> parts, std::size_t sent);

  System& system_;
  Fd socket_;
  Principal peer_;
  Fd outgoing_fd_;
  Fd received_fd_;
  bool fd_refused_ = false;
  bool lost_fd_ = false;
  bool blocked_ = false;          // a send found the socket full, and on_writable() has not been called since
  Buffer unsent_;                 // the rest of a frame of which a part has gone out,
  std::size_t unsent_begin_ = 0;  // so much of which has gone out, too
  // Bytes [begin_, end_) wait to be frames. No Buffer, which would fill with zeros what is then received into.
  ReceiveBuffer received_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  // A frame whose body is received to where it belongs, so much of which has come; of length 0: there is none.
  FrameHeader placed_header_;
  std::size_t placed_ = 0;
  bool complete_frame_ = false;  // the last read left a frame behind
  bool more_has_come_ = false;   // as much as was asked for has been received
  bool closed_ = false;          // the peer has closed its end
};

}  // namespace ipcbridge
