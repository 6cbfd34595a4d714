// A segment of any content whose indices change between reads. The input is a list of steps of eight bytes:
// what to do, and a number.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/shm/ring.hpp"

namespace {

using namespace ipcbridge;
using namespace ipcbridge::shm;

constexpr std::size_t kRing = 4096;

void read_some(RingReader& reader, const std::byte* ring, unsigned& sum) {
  RingReader::Record record;
  for (int i = 0; i < 64 && reader.peek(record) == RingReader::Next::kRecord; ++i) {
    if (record.body.data() < ring || record.body.data() + record.body.size() > ring + kRing) std::abort();
    if (record.body.size() != record.header.length || record.header.type == FrameType::kPad) std::abort();
    for (const std::byte byte : record.body) sum += std::to_integer<unsigned>(byte);
    reader.consume();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto ring = std::make_unique<std::byte[]>(kRing);  // exact, so that ASan sees a read beyond it
  const auto out = std::make_unique<std::byte[]>(kRing);
  SharedState own;
  SharedState peer;
  RingReader reader(peer, ring.get(), kRing, own);
  RingWriter writer(own, out.get(), kRing, peer);
  ByteReader steps(std::as_bytes(std::span(data, size)));
  unsigned sum = 0;
  std::uint64_t index = 0;
  std::uint8_t what = 0;
  std::uint8_t type = 0;
  std::uint16_t at = 0;
  std::uint32_t number = 0;
  while (steps.read(what) && steps.read(type) && steps.read(at) && steps.read(number)) {
    switch (what % 8) {
      case 0:  // a record's first half, anywhere
        std::memcpy(ring.get() + at % kRing / 8 * 8, &number, sizeof number);
        ring[at % kRing / 8 * 8 + 4] = static_cast<std::byte>(type);
        break;
      case 1:  // an honest step of the index
        index += number % 512 / 8 * 8;
        peer.write_index.store(index);
        break;
      case 2:  // any index
        peer.write_index.store(number | static_cast<std::uint64_t>(type) << 56U);
        break;
      case 3:
        read_some(reader, ring.get(), sum);
        break;
      case 4:
        static_cast<void>(reader.publish());
        break;
      case 5:
        if (!reader.prepare_sleep()) reader.wake();
        break;
      case 6:  // the peer's answers to this side's writes
        peer.read_index.store(type % 2 == 0 ? number / 8 * 8 : number);
        peer.sleeping.store(number);
        peer.wants_space.store(number >> 3U);
        break;
      default: {
        const std::size_t length = number % (max_record_body(kRing) + 1);
        const Buffer body(length);
        const ConstBytes part(body);
        const FrameHeader header{static_cast<std::uint32_t>(length), FrameType::kReply, 0, 0, 1};
        if (!writer.write(header, std::span(&part, 1)) && !writer.corrupt()) static_cast<void>(writer.wait_for_space());
        static_cast<void>(writer.must_ring());
        static_cast<void>(writer.space_arrived());
      }
    }
  }
  read_some(reader, ring.get(), sum);
  return 0;
}
