#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/blob_memory.hpp"
#include "core/base/bytes.hpp"
#include "core/base/close_reason.hpp"
#include "core/base/frame.hpp"
#include "core/shm/activity.hpp"
#include "core/transport/principal.hpp"

namespace ipcbridge {

class MemorySharing;

// Receives the frames that Channel::read finds.
class FrameSink {
 public:
  FrameSink() = default;
  virtual ~FrameSink() = default;
  FrameSink(const FrameSink&) = delete;
  FrameSink& operator=(const FrameSink&) = delete;

  // The header is the receiver's own copy. The body may lie in memory that the peer can still write: read
  // each byte of it at most once, and validate what was read. It is gone when the call returns.
  // Where it does not go on the channel is closed.
  virtual Progress on_frame(const FrameHeader& header, ConstBytes body) = 0;

  // Asked before every frame: false ends the read and leaves the frame where it is.
  virtual bool wants_frame() = 0;

  // Where the body of such a frame is to be received, of the length that it says; empty: anywhere. It is asked when the
  // header is there, and then on_frame() is told of these bytes, if nothing else has been read before.
  virtual MutableBytes place_of(const FrameHeader& /*header*/) { return {}; }

  // Whether such a frame may come at all. Asked of one that is not whole yet, before anything waits for the rest.
  virtual bool admits(FrameType /*type*/, std::uint8_t /*flags*/) { return true; }
};

// How much one read may take from one channel, so that no connection starves the others.
struct ReadBudget {
  std::size_t frames = 64;
  std::size_t bytes = 256UL * 1024;
};

// A connection to one peer that carries frames in order, whole, both ways. Not thread-safe: the Driver
// calls it under its lock. Nothing here blocks.
//
// Sleeping: a channel is awake when made. Before its owner waits on fd() it calls prepare_sleep(); a true
// answer promises that fd() becomes readable when a frame arrives (or space, if a write would have
// blocked). After waking it calls wake(), then reads until nothing is left.
class Channel {
 public:
  Channel() = default;
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  virtual std::string_view transport() const = 0;  // "unix", "shm" or "inproc"
  virtual const Principal& peer() const = 0;
  virtual int fd() const = 0;

  // Writes one frame: the header, then the parts one after the other (header.length bytes in all). All of
  // it or nothing: false when there is no room, or the peer is gone, which the next read will tell.
  virtual bool write(const FrameHeader& header, std::span<const ConstBytes> parts) = 0;
  // The longest body of a fragment.
  virtual std::size_t max_fragment() const { return kMaxFrameBody; }

  // For what is large; null where there is none.
  virtual BlobMemory* blob_memory() { return nullptr; }

  // Whether fd() must be polled for writing as well, and what to call when it is writable.
  virtual bool wants_writable() const = 0;
  virtual void on_writable() = 0;

  // Hands the frames that are there to the sink, within the budget. `fd_ready` says that fd() was reported
  // readable or hung up since the last read. A reason means that the channel is over: the peer has gone (after its
  // last frame was handed on) or broke the protocol, or it is the sink's own.
  virtual Progress read(FrameSink& sink, ReadBudget budget, bool fd_ready) = 0;

  // A look without a system call: is there a frame, or room where a write found none, or is the channel over?
  virtual bool ready() const = 0;

  // Whether a write has found out that the channel is over, of which fd() may tell nothing: the next read says why.
  virtual bool is_over() const { return false; }

  // What a channel between two processes can do to begin to share memory; null where that is not possible or not
  // needed.
  virtual MemorySharing* memory_sharing() { return nullptr; }

  // Gives up what memory the unfinished frame at hand does not need; tells how much it needs. For a peer from whom
  // nothing more may ever come.
  virtual std::size_t compact() { return 0; }

  // For owners of many channels: while *word is `seen`, ready() is false, until the next read or write. Without a word,
  // ready() itself must be asked. At `next` the next frame will lie, if that is known: to be prefetched, not read.
  struct Glance {
    const std::atomic<std::uint64_t>* word = nullptr;
    std::uint64_t seen = 0;
    const void* next = nullptr;
  };
  virtual Glance glance() const { return {}; }

  virtual bool prepare_sleep() = 0;
  virtual void wake() = 0;

  // Whether the peer, by its own word, last ran on the CPU of this thread: then it cannot answer while this
  // thread spins.
  virtual bool peer_is_on_this_cpu() const { return false; }

  // What each side tells of itself outside of all messages, where the channel can: the peer's is its own word.
  virtual void tell_activity(const std::optional<shm::Activity>& /*activity*/) {}
  virtual std::optional<shm::Activity> peer_activity(TimePoint /*now*/) const { return std::nullopt; }

  // How many bytes have been written, and how many of them the peer has not read yet; zero where nobody can know.
  virtual std::uint64_t written() const { return 0; }
  virtual std::uint64_t unread() const { return 0; }
};

}  // namespace ipcbridge
