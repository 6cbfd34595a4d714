#include "core/rpc/hello.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/utf8.hpp"

namespace ipcbridge {
namespace {

constexpr std::uint64_t kMagic = 0x3145474449524249ULL;  // "IBRIDGE1" in memory order
constexpr std::uint32_t kFrozenBytes = 80;
constexpr std::uint32_t kFixedBytes = 104;
constexpr std::size_t kMaxReasonBytes = 1024;

Error malformed() { return {Code::kDataLoss, "it does not speak ipcbridge"}; }

std::string version(std::uint16_t major, std::uint16_t minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

bool read_name(ByteReader& reader, std::size_t limit, std::string& name) {
  std::uint16_t size = 0;
  ConstBytes bytes;
  if (!reader.read(size) || size > limit || !reader.read(size, bytes)) return false;
  name = as_text(bytes);
  return true;
}

void append_name(Buffer& body, const std::string& name) {
  append(body, static_cast<std::uint16_t>(name.size()));
  append(body, as_bytes(name));
}

bool read_frozen(ByteReader& reader, Hello& hello, std::uint32_t& fixed_bytes, std::uint32_t& method_count) {
  std::uint64_t magic = 0;
  ConstBytes nonce;
  if (!reader.read(magic) || magic != kMagic) return false;
  if (!reader.read(hello.major) || !reader.read(hello.minor) || !reader.read(fixed_bytes)) return false;
  const bool read = reader.read(hello.required_features) && reader.read(hello.optional_features) &&
                    reader.read(hello.limits.max_message_bytes) && reader.read(hello.limits.max_pending_bytes) &&
                    reader.read(hello.limits.max_pending_calls) && reader.read(method_count) &&
                    reader.read(hello.nonce.size(), nonce);
  std::uint8_t no_shm = 0;
  ConstBytes reserved;
  if (!read || !reader.read(no_shm) || !reader.read(7, reserved) || fixed_bytes < kFrozenBytes) return false;
  hello.no_shm = code_from_number(no_shm).value_or(Code::kUnknown);
  std::copy(nonce.begin(), nonce.end(), hello.nonce.begin());
  return true;
}

Language language_from(std::uint8_t number) {
  return number <= static_cast<std::uint8_t>(Language::kPython) ? static_cast<Language>(number) : Language::kUnknown;
}

// What has been added to the fixed part. Who does not tell of streams takes none; a later minor version's fields are
// skipped.
bool read_added(ByteReader& reader, std::uint32_t fixed_bytes, Hello& hello) {
  ConstBytes added;
  if (!reader.read(fixed_bytes - kFrozenBytes, added)) return false;
  ByteReader fields(added);
  Limits& limits = hello.limits;
  const bool tells = fields.read(limits.stream_window_bytes) && fields.read(limits.stream_window_items) &&
                     fields.read(limits.max_streams);
  if (!tells) limits.max_streams = 0;
  std::uint8_t language = 0;
  if (fields.read(language)) hello.language = language_from(language);
  return true;
}

}  // namespace

Buffer encode_hello(const Hello& hello) {
  Buffer body;
  append(body, kMagic);
  append(body, hello.major);
  append(body, hello.minor);
  append(body, kFixedBytes);
  append(body, hello.required_features);
  append(body, hello.optional_features);
  append(body, hello.limits.max_message_bytes);
  append(body, hello.limits.max_pending_bytes);
  append(body, hello.limits.max_pending_calls);
  append(body, static_cast<std::uint32_t>(hello.methods.size()));
  append(body, ConstBytes(hello.nonce));
  append(body, static_cast<std::uint8_t>(hello.no_shm));
  body.resize(kFrozenBytes);
  append(body, hello.limits.stream_window_bytes);
  append(body, hello.limits.stream_window_items);
  append(body, hello.limits.max_streams);
  append(body, static_cast<std::uint8_t>(hello.language));
  body.resize(kFixedBytes);
  append_name(body, hello.service);
  for (const std::string& method : hello.methods) append_name(body, method);
  append_name(body, hello.name);
  return body;
}

Result<Hello> decode_hello(ConstBytes body) {
  Hello hello;
  ByteReader reader(body);
  std::uint32_t fixed_bytes = 0;
  std::uint32_t method_count = 0;
  if (!read_frozen(reader, hello, fixed_bytes, method_count)) return malformed();
  // Of another major version nothing but the frozen part is known.
  if (hello.major != kProtocolMajor) return hello;
  if (!read_added(reader, fixed_bytes, hello)) return malformed();
  if (method_count > kMaxMethods || !read_name(reader, kMaxMethodBytes, hello.service)) return malformed();
  for (std::uint32_t i = 0; i < method_count; ++i) {
    std::string name;
    if (!read_name(reader, kMaxMethodBytes, name)) return malformed();
    hello.methods.push_back(std::move(name));
  }
  if (fixed_bytes >= kFixedBytes && !read_name(reader, kMaxMethodBytes, hello.name)) return malformed();
  return hello;
}

std::string_view language_name(Language language) {
  constexpr std::array<std::string_view, 4> kNames{"", "c++", "javascript", "python"};
  return kNames.at(static_cast<std::size_t>(language));
}

Status check_compatible(const Hello& theirs) {
  const std::string ours = version(kProtocolMajor, kProtocolMinor);
  const std::string other = version(theirs.major, theirs.minor);
  if (theirs.major != kProtocolMajor) {
    return Error{Code::kFailedPrecondition,
                 "the peer speaks version " + other + " of the protocol and this side version " + ours +
                     ": update ipcbridge on the side of version " + (theirs.major < kProtocolMajor ? other : ours)};
  }
  if ((theirs.required_features & ~feature::kRequired) != 0) {
    return Error{
        Code::kFailedPrecondition,
        "the peer (protocol " + other + ") requires features that this side (protocol " + ours + ") does not have"};
  }
  return {};
}

Buffer encode_upgrade(const Upgrade& upgrade) {
  Buffer body;
  append(body, static_cast<std::uint8_t>(upgrade.accepted ? 1 : 0));
  append(body, static_cast<std::uint8_t>(upgrade.code));
  append(body, as_bytes(cut_utf8(upgrade.reason, kMaxReasonBytes)));
  return body;
}

Result<Upgrade> decode_upgrade(ConstBytes body) {
  ByteReader reader(body);
  std::uint8_t verdict = 0;
  std::uint8_t code = 0;
  const bool read = reader.read(verdict) && reader.read(code);
  if (!read || verdict > 1 || reader.rest().size() > kMaxReasonBytes) return malformed();
  return Upgrade{verdict == 1, code_from_number(code).value_or(Code::kUnknown), std::string(as_text(reader.rest()))};
}

}  // namespace ipcbridge
