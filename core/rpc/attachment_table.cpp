#include "core/rpc/attachment_table.hpp"

#include <limits>

namespace ipcbridge {
namespace {

void append_place(Buffer& table, const PartPlace& place) {
  append(table, place.bytes);
  append(table, place.blob);
  append(table, place.offset);
  append(table, place.segment);
  append(table, std::uint32_t{0});
}

bool read_place(ByteReader& reader, PartPlace& place) {
  std::uint32_t zero = 0;
  return reader.read(place.bytes) && reader.read(place.blob) && reader.read(place.offset) &&
         reader.read(place.segment) && reader.read(zero) && zero == 0;
}

std::uint64_t add(std::uint64_t a, std::uint64_t b) {
  return b > std::numeric_limits<std::uint64_t>::max() - a ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

}  // namespace

Buffer AttachmentTable::encode() const {
  Buffer table;
  table.reserve(bytes(attachments.size()));
  append(table, static_cast<std::uint32_t>(attachments.size()));
  append(table, std::uint32_t{0});
  append_place(table, body);
  for (const PartPlace& place : attachments) append_place(table, place);
  return table;
}

Result<AttachmentTable> AttachmentTable::decode(ConstBytes& rest) {
  ByteReader reader(rest);
  std::uint32_t count = 0;
  std::uint32_t zero = 0;
  AttachmentTable table;
  bool read = reader.read(count) && reader.read(zero) && zero == 0 && count <= kMaxAttachments &&
              read_place(reader, table.body);
  if (read) table.attachments.resize(count);
  for (PartPlace& place : table.attachments) read = read && read_place(reader, place);
  if (!read) return Error{Code::kDataLoss, "a malformed table of attachments"};
  rest = reader.rest();
  return table;
}

std::uint64_t AttachmentTable::total() const {
  std::uint64_t sum = body.bytes;
  for (const PartPlace& place : attachments) sum = add(sum, place.bytes);
  return sum;
}

std::uint64_t AttachmentTable::shared() const {
  std::uint64_t sum = body.is_shared() ? body.bytes : 0;
  for (const PartPlace& place : attachments) sum = add(sum, place.is_shared() ? place.bytes : 0);
  return sum;
}

}  // namespace ipcbridge
