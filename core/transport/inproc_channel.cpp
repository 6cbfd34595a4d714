#include "core/transport/inproc_channel.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace ipcbridge {
namespace {

constexpr std::size_t kCapacity = 64UL * 1024;

void ring(const Fd& bell) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(bell.get(), &one, sizeof one);
}

void silence(const Fd& bell) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(bell.get(), &count, sizeof count);
}

}  // namespace

Result<InprocChannel::Pair> InprocChannel::create(System& system) {
  auto pipe = std::make_shared<Pipe>();
  for (Direction& direction : pipe->directions) {
    direction.bell = Fd(system.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!direction.bell.valid()) {
      return Error{Code::kResourceExhausted, std::string("cannot create an eventfd: ") + std::strerror(errno)};
    }
  }
  return Pair(std::unique_ptr<Channel>(new InprocChannel(pipe, 0)),
              std::unique_ptr<Channel>(new InprocChannel(pipe, 1)));
}

InprocChannel::~InprocChannel() {
  const std::lock_guard lock(pipe_->mutex);
  pipe_->closed = true;
  ring(outgoing().bell);
}

PeerIdentity InprocChannel::peer() const { return {::getpid(), ::getuid(), ::getgid()}; }

int InprocChannel::fd() const { return incoming().bell.get(); }

bool InprocChannel::write(const FrameHeader& header, std::span<const ConstBytes> parts) {
  const std::lock_guard lock(pipe_->mutex);
  Direction& out = outgoing();
  const std::size_t size = sizeof header + header.length;
  if (pipe_->closed) return false;
  if (out.bytes + size > kCapacity && !out.frames.empty()) {
    out.blocked = true;
    return false;
  }
  Frame frame{header, {}};
  frame.body.reserve(header.length);
  for (const ConstBytes part : parts) append(frame.body, part);
  out.bytes += size;
  out.frames.push_back(std::move(frame));
  if (out.frames.size() == 1) ring(out.bell);
  return true;
}

bool InprocChannel::take(Frame& frame, std::size_t budget) {
  const std::lock_guard lock(pipe_->mutex);
  Direction& in = incoming();
  if (in.frames.empty()) return false;
  const FrameHeader& next = in.frames.front().header;
  if (next.type != FrameType::kHello && sizeof next + next.length > budget) return false;
  frame = std::move(in.frames.front());
  in.frames.pop_front();
  in.bytes -= sizeof frame.header + frame.header.length;
  if (in.blocked) {
    in.blocked = false;
    ring(outgoing().bell);  // the writer's own reader polls it, and then retries
  }
  return true;
}

Status InprocChannel::read(FrameSink& sink, ReadBudget budget, bool fd_ready) {
  if (fd_ready) silence(incoming().bell);
  Frame frame;
  while (budget.frames > 0 && sink.wants_frame() && take(frame, budget.bytes)) {
    --budget.frames;
    budget.bytes -= std::min(budget.bytes, sizeof frame.header + frame.body.size());
    if (Status status = sink.on_frame(frame.header, frame.body); !status.ok()) return status;
  }
  const std::lock_guard lock(pipe_->mutex);
  if (pipe_->closed && incoming().frames.empty()) {
    return Error{Code::kUnavailable, "the peer closed the connection"};
  }
  return {};
}

bool InprocChannel::ready() const {
  const std::lock_guard lock(pipe_->mutex);
  return !incoming().frames.empty() || pipe_->closed;
}

bool InprocChannel::prepare_sleep() { return !ready(); }

}  // namespace ipcbridge
