// Frames of any kind before there is a session: HELLO, UPGRADE, a refusal, nonsense. The first byte chooses
// what this side offers; then frames follow, each as type, two bytes of length, body.
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/endpoint/handshake.hpp"
#include "core/rpc/hello.hpp"
#include "core/shm/layout.hpp"
#include "core/transport/unix_channel.hpp"
#include "tests/core/support/test_system.hpp"

namespace {

using namespace ipcbridge;

// Takes whatever is sent, and drops it.
class DiscardingSystem final : public testing_support::TestSystem {
 public:
  ssize_t sendmsg(int, const msghdr* message, int) override {
    ssize_t size = 0;
    for (std::size_t i = 0; i < message->msg_iovlen; ++i) size += static_cast<ssize_t>(message->msg_iov[i].iov_len);
    return size;
  }
};

void check_round_trip(ConstBytes body) {
  const Result<Hello> hello = decode_hello(body);
  if (!hello.ok() || hello.value().major != kProtocolMajor) return;
  const Result<Hello> again = decode_hello(encode_hello(hello.value()));
  if (!again.ok() || again.value().methods != hello.value().methods) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(std::as_bytes(std::span(data, size)));
  std::uint8_t choice = 0;
  if (!reader.read(choice)) return 0;
  check_round_trip(reader.rest());
  static_cast<void>(decode_upgrade(reader.rest()));

  DiscardingSystem system;
  UnixChannel quiet(system, Fd(), LocalPeer{});
  const bool offers = (choice & 1U) != 0;
  Handshake handshake(System::real(), Session::Side::kConnector, Hello{}, offers ? shm::kDefaultRingBytes : 0, quiet);
  if (!handshake.start().ok()) return 0;
  std::uint8_t type = 0;
  std::uint16_t length = 0;
  while (!handshake.finished() && reader.read(type) && reader.read(length)) {
    ConstBytes body;
    reader.read(std::min<std::size_t>(length, reader.rest().size()), body);
    const FrameHeader header{static_cast<std::uint32_t>(body.size()), static_cast<FrameType>(type), 0, 0, 0};
    if (!handshake.on_frame(header, body).ok()) return 0;
    handshake.flush();
  }
  if (handshake.finished() && handshake.upgraded()) std::abort();  // no descriptor ever came
  return 0;
}
