#include "core/rpc/message.hpp"

#include <algorithm>
#include <utility>

namespace ipcbridge {
namespace {

Error malformed(std::string_view what) { return {Code::kDataLoss, "a malformed " + std::string(what)}; }

}  // namespace

RequestPrefix encode_request_prefix(const Request& request) {
  RequestPrefix prefix{};
  store(prefix.data(), request.timeout_us);
  store(prefix.data() + 8, request.method);
  store(prefix.data() + 12, static_cast<std::uint32_t>(request.metadata.size()));
  return prefix;
}

Result<Request> decode_request(ConstBytes body) {
  Request request;
  ByteReader reader(body);
  std::uint32_t metadata_bytes = 0;
  const bool read = reader.read(request.timeout_us) && reader.read(request.method) && reader.read(metadata_bytes) &&
                    reader.read(metadata_bytes, request.metadata);
  if (!read) return malformed("request");
  request.payload = reader.rest();
  return request;
}

void keep_bytes(Request& request, MessageStorage& storage, MessageStorage* of_message) {
  if (of_message != nullptr) {
    storage = std::move(*of_message);
    request.attachments = storage.attachments;
    return;
  }
  const std::size_t payload_bytes = request.payload.size();
  ByteBlock bytes(payload_bytes + request.metadata.size());
  std::copy(request.payload.begin(), request.payload.end(), bytes.begin());
  std::copy(request.metadata.begin(), request.metadata.end(), bytes.begin() + payload_bytes);
  storage.body = std::move(bytes);
  request.payload = ConstBytes(storage.body).first(payload_bytes);
  request.metadata = ConstBytes(storage.body).subspan(payload_bytes);
}

Buffer encode_reference_list(std::span<const std::uint64_t> ids) {
  Buffer list;
  list.reserve(sizeof(std::uint32_t) + ids.size_bytes());
  append(list, static_cast<std::uint32_t>(ids.size()));
  append(list, std::as_bytes(ids));
  return list;
}

Result<ConstBytes> decode_reference_list(ConstBytes& body) {
  ByteReader reader(body);
  std::uint32_t count = 0;
  ConstBytes ids;
  if (!reader.read(count) || !reader.read(count * sizeof(std::uint64_t), ids)) return malformed("list of references");
  body = reader.rest();
  return ids;
}

void encode_error(Code code, bool not_started, std::string_view message, MutableBytes body) {
  store(body.data(), static_cast<std::uint8_t>(code));
  store(body.data() + 1, static_cast<std::uint8_t>(not_started ? kErrorNotStarted : 0));
  store(body.data() + 2, std::uint16_t{0});
  store(body.data() + 4, static_cast<std::uint32_t>(message.size()));
  std::copy(message.begin(), message.end(), reinterpret_cast<char*>(body.data()) + kErrorPrefixBytes);
}

Buffer encode_error_prefix(Code code, bool not_started, std::string_view message) {
  Buffer body(kErrorPrefixBytes + message.size());
  encode_error(code, not_started, message, body);
  return body;
}

Result<Outcome> decode_error(ConstBytes body) {
  ByteReader reader(body);
  std::uint8_t number = 0;
  std::uint8_t flags = 0;
  std::uint16_t zero = 0;
  std::uint32_t message_bytes = 0;
  ConstBytes message;
  const bool read = reader.read(number) && reader.read(flags) && reader.read(zero) && reader.read(message_bytes) &&
                    reader.read(message_bytes, message);
  if (!read) return malformed("error");
  Outcome outcome;
  // A code of a later version is an error all the same; a success it cannot be.
  outcome.code = code_from_number(number).value_or(Code::kUnknown);
  if (outcome.code == Code::kOk) outcome.code = Code::kUnknown;
  outcome.not_started = (flags & kErrorNotStarted) != 0;
  outcome.remote = true;
  outcome.message = as_text(message);
  outcome.payload = reader.rest();
  return outcome;
}

}  // namespace ipcbridge
