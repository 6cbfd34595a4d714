// A peer that writes anything into a Unix socket, in pieces of any size. Some of the frames have a place that their
// bodies are received to, which may go while they are.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

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
    std::size_t received = 0;
    for (std::size_t at = 0; at < message->msg_iovlen; ++at) {
      const iovec& place = message->msg_iov[at];
      if (place.iov_len > 4 * (kMaxHelloBody + sizeof(FrameHeader))) std::abort();  // memory follows arrival
      const std::size_t size = std::min({wanted - received, rest_.size(), place.iov_len});
      if (size > 0) std::memcpy(place.iov_base, rest_.data(), size);
      append(said_, rest_.first(size));
      rest_ = rest_.subspan(size);
      received += size;
    }
    return static_cast<ssize_t>(received);
  }
  ssize_t sendmsg(int, const msghdr*, int) override { return -1; }

  // All that has been received.
  const Buffer& said() const { return said_; }

 private:
  ConstBytes rest_;
  Buffer said_;
};

class Sink final : public FrameSink {
 public:
  explicit Sink(const Script& script) : script_(script) {}

  Progress on_frame(const FrameHeader& header, ConstBytes body) override {
    if (body.size() != header.length) std::abort();
    if (header.length > (header.type == FrameType::kHello ? kMaxHelloBody : kMaxSocketFrameBody)) std::abort();
    // The next that was said, whatever way it took.
    const ConstBytes said = ConstBytes(script_.said()).subspan(position_, sizeof header + header.length);
    if (std::memcmp(said.data(), &header, sizeof header) != 0) std::abort();
    const bool is_lost = std::exchange(asked_, 0) > kPatience && has_passing_place(header);
    if (!is_lost && !std::equal(body.begin(), body.end(), said.begin() + sizeof header)) std::abort();
    position_ += said.size();
    ++frames;
    return {};
  }
  bool wants_frame() override { return frames % 7 != 6 || ++refusals % 2 == 0; }
  MutableBytes place_of(const FrameHeader& header) override {
    if (header.type != FrameType::kStreamItem || header.length > place_.size()) return {};
    if (has_passing_place(header) && ++asked_ > kPatience) return {};
    return MutableBytes(place_).first(header.length);
  }
  unsigned frames = 0;
  unsigned refusals = 0;

 private:
  static constexpr int kPatience = 3;
  static bool has_passing_place(const FrameHeader& header) { return header.call_id % 2 == 1; }

  const Script& script_;
  Buffer place_ = Buffer(kMaxSocketFrameBody);
  std::size_t position_ = 0;
  int asked_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script(std::as_bytes(std::span(data, size)));
  UnixChannel channel(script, Fd(), LocalPeer{});
  Sink sink(script);
  for (int turn = 0; turn < 10'000; ++turn) {
    ReadBudget budget;
    budget.frames = 1 + static_cast<std::size_t>(turn) % 5;
    if (!channel.read(sink, budget, true).ok()) return 0;
    static_cast<void>(channel.prepare_sleep());
  }
  return 0;
}
