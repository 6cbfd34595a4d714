// A peer that writes anything into a Unix socket, in pieces of any size, with and without descriptors.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/transport/unix_channel.hpp"
#include "tests/core/support/test_system.hpp"

namespace {

using namespace ipcbridge;

// Hands out the fuzzer's bytes: one byte says how many follow at most.
class Script final : public testing_support::TestSystem {
 public:
  explicit Script(ConstBytes bytes) : rest_(bytes) {}
  bool finished() const { return rest_.empty(); }

  ssize_t recvmsg(int, msghdr* message, int) override {
    message->msg_controllen = 0;
    if (rest_.empty()) return 0;
    const std::size_t wanted = std::to_integer<std::size_t>(rest_[0]) * 16 + 1;
    rest_ = rest_.subspan(1);
    const iovec& place = message->msg_iov[0];
    if (place.iov_len > 4 * (kMaxHelloBody + sizeof(FrameHeader))) std::abort();  // memory follows arrival
    const std::size_t size = std::min({wanted, rest_.size(), place.iov_len});
    std::memcpy(place.iov_base, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return size == 0 ? 0 : static_cast<ssize_t>(size);
  }
  ssize_t sendmsg(int, const msghdr*, int) override { return -1; }

 private:
  ConstBytes rest_;
};

class Sink final : public FrameSink {
 public:
  Progress on_frame(const FrameHeader& header, ConstBytes body) override {
    if (body.size() != header.length) std::abort();
    if (header.length > (header.type == FrameType::kHello ? kMaxHelloBody : kMaxFrameBody)) std::abort();
    for (const std::byte byte : body) sum += std::to_integer<unsigned>(byte);
    ++frames;
    return {};
  }
  bool wants_frame() override { return frames % 7 != 6 || ++refusals % 2 == 0; }
  unsigned sum = 0;
  unsigned frames = 0;
  unsigned refusals = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script(std::as_bytes(std::span(data, size)));
  UnixChannel channel(script, Fd(), LocalPeer{});
  Sink sink;
  for (int turn = 0; turn < 10'000; ++turn) {
    ReadBudget budget;
    budget.frames = 1 + static_cast<std::size_t>(turn) % 5;
    if (!channel.read(sink, budget, true).ok()) return 0;
    static_cast<void>(channel.prepare_sleep());
  }
  return 0;
}
