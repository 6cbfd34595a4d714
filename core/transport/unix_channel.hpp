#pragma once

#include <cstddef>
#include <memory>

#include "core/base/fd.hpp"
#include "core/base/system.hpp"
#include "core/transport/channel.hpp"

namespace ipcbridge {

// Frames one after the other on a Unix stream socket. The handshake runs on it as well, so it can pass one
// descriptor each way.
class UnixChannel final : public Channel {
 public:
  UnixChannel(System& system, Fd socket, PeerIdentity peer);
  ~UnixChannel() override;

  std::string_view transport() const override { return "unix"; }
  PeerIdentity peer() const override { return peer_; }
  int fd() const override { return socket_.get(); }
  bool write(const FrameHeader& header, std::span<const ConstBytes> parts) override;
  bool wants_writable() const override { return blocked_ || !unsent_.empty(); }
  void on_writable() override;
  Status read(FrameSink& sink, ReadBudget budget, bool fd_ready) override;
  bool ready() const override { return complete_frame_; }
  bool prepare_sleep() override;
  void wake() override {}

  // The descriptor goes out with the first byte of the next write.
  void attach(Fd fd) { outgoing_fd_ = std::move(fd); }
  // Whether the kernel would not pass it on: this user has too many under way. It is dropped, and the write has failed.
  bool fd_refused() const { return fd_refused_; }
  // The descriptor that came in, if any; later ones are discarded, and so must this one be.
  Fd take_received_fd() { return std::move(received_fd_); }
  // Whether one came that this process had no number left for.
  bool lost_fd() const { return lost_fd_; }
  // Gives the socket up, for the shared-memory channel, whose doorbell it becomes.
  Fd release_socket() { return std::move(socket_); }

 private:
  ssize_t send(std::span<const ConstBytes> parts);
  void make_room();
  void receive();
  Status deliver(FrameSink& sink, ReadBudget& budget);
  void keep_unsent(std::span<const ConstBytes> parts, std::size_t sent);

  System& system_;
  Fd socket_;
  PeerIdentity peer_;
  Fd outgoing_fd_;
  Fd received_fd_;
  bool fd_refused_ = false;
  bool lost_fd_ = false;
  bool blocked_ = false;  // the last send found the socket full
  Buffer unsent_;         // the rest of a frame of which a part has gone out
  // Bytes [begin_, end_) wait to be frames. No Buffer, which would fill with zeros what is then received into.
  std::unique_ptr<std::byte[]> received_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool complete_frame_ = false;  // the last read left a frame behind
  bool closed_ = false;          // the peer has closed its end
};

}  // namespace ipcbridge
