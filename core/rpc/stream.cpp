#include "core/rpc/stream.hpp"

namespace ipcbridge {

std::array<std::byte, kStreamRangeBytes> encode_stream_range(const StreamRange& range) {
  std::array<std::byte, kStreamRangeBytes> bytes{};
  store(bytes.data(), range.first);
  store(bytes.data() + 8, range.count);
  return bytes;
}

Result<StreamRange> decode_stream_range(ConstBytes& body) {
  ByteReader reader(body);
  StreamRange range;
  std::uint32_t zero = 0;
  if (!reader.read(range.first) || !reader.read(range.count) || !reader.read(zero) || range.count == 0) {
    return Error{Code::kDataLoss, "a malformed list of streams"};
  }
  body = reader.rest();
  return range;
}

Result<std::uint32_t> check_items(ConstBytes body) {
  ByteReader reader(body);
  std::uint32_t count = 0;
  bool read = reader.read(count) && count > 0;
  for (std::uint32_t item = 0; read && item < count; ++item) {
    std::uint32_t size = 0;
    ConstBytes value;
    read = reader.read(size) && reader.read(size, value);
  }
  if (!read || !reader.rest().empty()) return Error{Code::kDataLoss, "malformed items of a stream"};
  return count;
}

}  // namespace ipcbridge
