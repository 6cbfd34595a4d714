#include "core/transport/unix_channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "core/base/pages.hpp"
#include "core/transport/shm_channel.hpp"
#include "core/transport/socket.hpp"

namespace ipcbridge {
namespace {

// Of what is long no more comes here than its begin: the rest is received to where it belongs.
constexpr std::size_t kReceiveBytes = 16UL * 1024;

// For the longest frame that belongs nowhere yet, as the first of a message. Only a HELLO may need more.
constexpr std::size_t kFrameBytes = sizeof(FrameHeader) + kMaxSocketFrameBody + kReceiveBytes / 2;

std::size_t limit_of(FrameType type) { return type == FrameType::kHello ? kMaxHelloBody : kMaxSocketFrameBody; }

// A frame of which more than this is missing is received straight to where it belongs.
constexpr std::size_t kWorthPlacing = 4096;

// The body of a frame that nobody wants any more.
constexpr std::array<std::byte, kMaxSocketFrameBody> kUnwanted{};

}  // namespace

UnixChannel::UnixChannel(System& system, Fd socket, Principal peer)
    : system_(system), socket_(std::move(socket)), peer_(std::move(peer)) {}

UnixChannel::~UnixChannel() {
  discard(std::move(received_fd_));
  hang_up(system_, std::move(socket_));
}

ssize_t UnixChannel::send(std::span<const ConstBytes> parts) {
  const ssize_t sent = send_parts(system_, socket_.get(), parts, outgoing_fd_.valid() ? outgoing_fd_.get() : -1);
  // A full socket must be polled for room even when no frame was cut in two, and when another write found some
  // meanwhile: who was refused is told by on_writable() only.
  blocked_ = blocked_ || (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM));
  fd_refused_ = sent < 0 && is_descriptor_refused(errno);
  if (sent > 0 || fd_refused_) outgoing_fd_.reset();
  return sent;
}

void UnixChannel::keep_unsent(std::span<const ConstBytes> parts, std::size_t sent) {
  for (const ConstBytes part : parts) {
    const std::size_t skip = std::min(sent, part.size());
    append(unsent_, part.subspan(skip));
    sent -= skip;
  }
}

bool UnixChannel::write(const FrameHeader& header, std::span<const ConstBytes> parts) {
  if (!unsent_.empty()) return false;
  std::array<ConstBytes, kMaxSentParts> all{};
  all[0] = std::as_bytes(std::span(&header, 1));
  std::copy(parts.begin(), parts.end(), all.begin() + 1);
  const std::span<const ConstBytes> message(all.data(), parts.size() + 1);
  const ssize_t sent = send(message);
  if (sent < 0) return false;
  if (static_cast<std::size_t>(sent) < sizeof header + header.length) {
    try {
      keep_unsent(message, static_cast<std::size_t>(sent));
    } catch (const std::bad_alloc&) {
      closed_ = true;  // half a frame has gone out, and nothing can follow it
    }
  }
  return true;
}

void UnixChannel::on_writable() {
  blocked_ = false;
  while (unsent_begin_ < unsent_.size()) {
    const ConstBytes rest = ConstBytes(unsent_).subspan(unsent_begin_);
    const ssize_t sent = send(std::span(&rest, 1));
    if (sent <= 0) return;
    unsent_begin_ += static_cast<std::size_t>(sent);
  }
  unsent_ = Buffer();
  unsent_begin_ = 0;
}

// Memory follows what has arrived, not what a header announces.
void UnixChannel::make_room() {
  const std::size_t kept = end_ - begin_;
  if (capacity_ - kept >= kReceiveBytes / 2) {
    if (begin_ > 0 && kept > 0) std::memmove(received_.get(), received_.get() + begin_, kept);
  } else {
    resize(std::max(kept < kReceiveBytes / 2 ? kReceiveBytes : kFrameBytes, kept * 2));
  }
  begin_ = 0;
  end_ = kept;
}

void ReleaseBuffer::operator()(std::byte* buffer) const {
  if (mapped == 0) {
    delete[] buffer;
  } else {
    unmap_pages(buffer, mapped);
  }
}

ReceiveBuffer UnixChannel::make_buffer(std::size_t capacity) const {
  if (capacity > kFrameBytes) {
    std::byte* const pages = map_pages(system_, capacity);
    if (pages != nullptr) return ReceiveBuffer(pages, ReleaseBuffer{capacity});
  }
  return ReceiveBuffer(new std::byte[capacity], ReleaseBuffer{});
}

void UnixChannel::resize(std::size_t capacity) {
  const std::size_t kept = end_ - begin_;
  ReceiveBuffer fresh = capacity == 0 ? ReceiveBuffer() : make_buffer(capacity);
  if (kept > 0) std::memcpy(fresh.get(), received_.get() + begin_, kept);
  received_ = std::move(fresh);
  capacity_ = capacity;
  begin_ = 0;
  end_ = kept;
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): the analyzer does not follow the deleter

// The body of a frame whose header has been read, if there is one to be placed.
MutableBytes UnixChannel::missing(FrameSink& sink) const {
  if (placed_header_.length == 0) return {};
  const MutableBytes body = sink.place_of(placed_header_);
  return body.empty() ? MutableBytes() : body.subspan(placed_);
}

void UnixChannel::receive(FrameSink& sink) {
  make_room();
  const MutableBytes body = missing(sink);
  MutableBytes buffer(received_.get() + end_, capacity_ - end_);
  // Behind a fragment comes another, of which only the header is to be in the buffer.
  if (!body.empty() && (placed_header_.flags & kFlagMore) != 0) buffer = buffer.first(sizeof(FrameHeader));
  Received received = body.empty() ? ipcbridge::receive(system_, socket_.get(), buffer)
                                   : ipcbridge::receive(system_, socket_.get(), body, buffer);
  more_has_come_ = false;
  if (received.bytes < 0) {
    closed_ = errno != EAGAIN && errno != EINTR;
    return;
  }
  lost_fd_ = lost_fd_ || received.lost_fd;
  if (received_fd_.valid()) {
    discard(std::move(received.fd));
  } else {
    received_fd_ = std::move(received.fd);
  }
  if (received.bytes == 0) closed_ = true;
  const auto bytes = static_cast<std::size_t>(received.bytes);
  more_has_come_ = bytes == body.size() + buffer.size();
  placed_ += std::min(bytes, body.size());
  end_ += bytes - std::min(bytes, body.size());
}

// What is there of a long frame goes to where the rest is received to.
void UnixChannel::begin_placing(const FrameHeader& header, FrameSink& sink) {
  const MutableBytes body = sink.place_of(header);
  if (body.empty()) return;
  const std::size_t there = end_ - begin_ - sizeof header;
  std::memcpy(body.data(), received_.get() + begin_ + sizeof header, there);
  begin_ = end_;
  placed_header_ = header;
  placed_ = there;
}

// False when more of the frame has to come.
Progress UnixChannel::finish_placing(FrameSink& sink, ReadBudget& budget, bool& is_whole) {
  const FrameHeader header = placed_header_;
  const MutableBytes body = sink.place_of(header);
  if (body.empty()) skip_unwanted();
  is_whole = placed_ == header.length;
  if (!is_whole) return {};
  if (!sink.wants_frame() || budget.frames == 0 || budget.bytes < header.length) {
    complete_frame_ = true;
    is_whole = false;
    return {};
  }
  --budget.frames;
  budget.bytes -= header.length;
  placed_header_ = {};
  placed_ = 0;
  return sink.on_frame(header, body.empty() ? ConstBytes(kUnwanted).first(header.length) : ConstBytes(body));
}

// Whoever wanted it has gone meanwhile, and where it belonged with him.
void UnixChannel::skip_unwanted() {
  const std::size_t skipped = std::min(placed_header_.length - placed_, end_ - begin_);
  placed_ += skipped;
  begin_ += skipped;
}

// As soon as the length and the type are there: what another program says may be shorter than a frame.
Progress UnixChannel::check_length() const {
  if (end_ - begin_ < offsetof(FrameHeader, flags)) return {};
  const std::byte* const frame = received_.get() + begin_;
  const auto length = load<std::uint32_t>(frame);
  if (length <= limit_of(load<FrameType>(frame + offsetof(FrameHeader, type)))) return {};
  return CloseReason::peer_violation("a frame of " + std::to_string(length) + " bytes");
}

Progress UnixChannel::check_begun(FrameSink& sink) const {
  if (!sink.wants_frame()) return {};  // where the frames go through shared memory now, these are no frame
  if (Progress progress = check_length(); !progress.ok()) return progress;
  if (end_ - begin_ < offsetof(FrameHeader, zero)) return {};
  const std::byte* const frame = received_.get() + begin_;
  const auto flags = load<std::uint8_t>(frame + offsetof(FrameHeader, flags));
  if (sink.admits(load<FrameType>(frame + offsetof(FrameHeader, type)), flags)) return {};
  return CloseReason::peer_violation("a frame that may not come now");
}

Progress UnixChannel::deliver(FrameSink& sink, ReadBudget& budget) {
  complete_frame_ = false;
  if (placed_header_.length != 0) {
    bool is_whole = false;
    if (Progress progress = finish_placing(sink, budget, is_whole); !progress.ok() || !is_whole) return progress;
  }
  while (end_ - begin_ >= sizeof(FrameHeader)) {
    if (!sink.wants_frame()) {
      complete_frame_ = true;
      return {};
    }
    if (Progress progress = check_length(); !progress.ok()) return progress;
    const auto header = load<FrameHeader>(received_.get() + begin_);
    const std::size_t size = sizeof header + header.length;
    if (end_ - begin_ < size) {
      if (size > capacity_ || size - (end_ - begin_) > kWorthPlacing) begin_placing(header, sink);
      break;
    }
    // A HELLO may be longer than any budget, and comes once.
    if (budget.frames == 0 || (budget.bytes < size && header.type != FrameType::kHello)) {
      complete_frame_ = true;
      return {};
    }
    --budget.frames;
    budget.bytes -= std::min(budget.bytes, size);
    const ConstBytes body(received_.get() + begin_ + sizeof header, header.length);
    begin_ += size;
    if (Progress progress = sink.on_frame(header, body); !progress.ok()) return progress;
  }
  return placed_header_.length != 0 ? Progress() : check_begun(sink);
}

Progress UnixChannel::read(FrameSink& sink, ReadBudget budget, bool fd_ready) {
  if (Progress progress = deliver(sink, budget); !progress.ok()) return progress;
  more_has_come_ = fd_ready;
  while (more_has_come_ && !complete_frame_ && !closed_) {
    receive(sink);
    if (Progress progress = deliver(sink, budget); !progress.ok()) return progress;
  }
  if (closed_ && !complete_frame_) return CloseReason::peer_gone();
  return {};
}

std::size_t UnixChannel::compact() {
  // Not what is large: to move all of it for each byte that comes would cost more than the room.
  constexpr std::size_t kSmall = 4096;
  if (const std::size_t kept = end_ - begin_; kept <= kSmall && capacity_ > kSmall) resize(kept);
  unsent_.shrink_to_fit();
  return capacity_ + unsent_.capacity();
}

std::unique_ptr<Channel> UnixChannel::share(shm::OwnSegment own, shm::PeerSegment theirs) {
  auto channel = std::make_unique<ShmChannel>(system_, std::move(socket_), peer_, std::move(own), std::move(theirs));
  // Whoever has agreed before this side may have passed a segment of large values already.
  if (received_fd_.valid() || lost_fd_) channel->receive_descriptor(std::move(received_fd_));
  return channel;
}

bool UnixChannel::prepare_sleep() {
  if (begin_ == end_ && capacity_ > 0) resize(0);
  return !complete_frame_;
}

}  // namespace ipcbridge
