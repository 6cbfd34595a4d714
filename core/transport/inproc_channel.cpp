#include "core/transport/inproc_channel.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/pages.hpp"
#include "core/shm/layout.hpp"
#include "core/shm/memory.hpp"
#include "core/transport/socket.hpp"

namespace ipcbridge {
namespace {

constexpr std::size_t kRingBytes = shm::kDefaultRingBytes;
constexpr std::size_t kSideBytes = shm::kHeaderBytes + kRingBytes;  // the words of a side, then its ring

}  // namespace

// Each side writes one half.
struct InprocChannel::Memory {
  explicit Memory(std::byte* address) : mapping(address, 2 * kSideBytes) {
    for (int side = 0; side < 2; ++side) new (&state(side)) shm::SharedState;
  }

  shm::SharedState& state(int side) const {
    return *reinterpret_cast<shm::SharedState*>(mapping.data() + static_cast<std::size_t>(side) * kSideBytes);
  }
  std::byte* ring(int side) const {
    return mapping.data() + static_cast<std::size_t>(side) * kSideBytes + shm::kHeaderBytes;
  }

  shm::Mapping mapping;
  // A HELLO may be too long for a ring: its body lies here, published with the empty record that stands for it.
  std::array<Buffer, 2> hello;
};

// Puts the body of the HELLO back.
class InprocChannel::HelloSink final : public FrameSink {
 public:
  HelloSink(FrameSink& sink, Buffer& hello, bool& greeted) : sink_(sink), hello_(hello), greeted_(greeted) {}

  Progress on_frame(const FrameHeader& header, ConstBytes body) override {
    if (header.type != FrameType::kHello || greeted_) return sink_.on_frame(header, body);
    greeted_ = true;
    const Buffer hello = std::exchange(hello_, {});
    FrameHeader whole = header;
    whole.length = static_cast<std::uint32_t>(hello.size());
    return sink_.on_frame(whole, hello);
  }
  bool wants_frame() override { return sink_.wants_frame(); }

 private:
  FrameSink& sink_;
  Buffer& hello_;
  bool& greeted_;
};

Result<InprocChannel::Pair> InprocChannel::create(System& system) {
  Result<std::pair<Fd, Fd>> ends = connected_pair(system);
  if (!ends.ok()) return ends.error();
  auto [one, two] = std::move(ends).value();
  Result<LocalPeer> self = local_peer(one.get());
  if (!self.ok()) return self.error();
  std::byte* const pages = map_pages(system, 2 * kSideBytes);
  if (pages == nullptr) {
    return Error{Code::kResourceExhausted, std::string("cannot map memory: ") + std::strerror(errno)};
  }
  auto memory = std::make_shared<Memory>(pages);
  return Pair(std::unique_ptr<Channel>(new InprocChannel(system, std::move(one), self.value(), memory, 0)),
              std::unique_ptr<Channel>(new InprocChannel(system, std::move(two), self.value(), memory, 1)));
}

InprocChannel::InprocChannel(System& system, Fd socket, Principal peer, std::shared_ptr<Memory> memory, int side)
    : RingChannel(system, std::move(socket), std::move(peer), {memory->state(side), memory->ring(side), kRingBytes},
                  {memory->state(1 - side), memory->ring(1 - side), kRingBytes}),
      memory_(std::move(memory)),
      side_(side) {}

bool InprocChannel::write(const FrameHeader& header, std::span<const ConstBytes> parts) {
  if (header.type != FrameType::kHello) return RingChannel::write(header, parts);
  Buffer& hello = memory_->hello.at(static_cast<std::size_t>(side_));
  for (const ConstBytes part : parts) append(hello, part);
  FrameHeader placeholder = header;
  placeholder.length = 0;
  return RingChannel::write(placeholder, {});
}

Progress InprocChannel::read(FrameSink& sink, ReadBudget budget, bool fd_ready) {
  if (greeted_) return RingChannel::read(sink, budget, fd_ready);
  HelloSink with_hello(sink, memory_->hello.at(static_cast<std::size_t>(1 - side_)), greeted_);
  return RingChannel::read(with_hello, budget, fd_ready);
}

}  // namespace ipcbridge
