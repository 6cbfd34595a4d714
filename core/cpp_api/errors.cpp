#include "core/cpp_api/errors.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "core/base/utf8.hpp"
#include "core/cpp_api/msgpack.hpp"

namespace ipcbridge {

IpcError::IpcError(Code code, const std::string& message, Bytes details)
    : IpcError(code, message, std::move(details), std::nullopt) {}
IpcError::IpcError(Code code, const std::string& message, Bytes details, std::optional<Sent> sent)
    : std::runtime_error(message), code_(code), sent_(sent), details_(std::move(details)) {}
IpcError::~IpcError() = default;

RemoteError::RemoteError(Code code, const std::string& message, Bytes details, std::string type, std::string stack)
    : IpcError(code, message, std::move(details)), type_(std::move(type)), stack_(std::move(stack)) {}
RemoteError::~RemoteError() = default;

// Makes the errors that only this library makes.
class ErrorFactory {
 public:
  static IpcError lost(const std::string& message, Sent sent) { return {Code::kUnavailable, message, {}, sent}; }
};

namespace {

constexpr std::size_t kMaxTextBytes = 64UL * 1024;

// docs/values.md, "An error".
struct ErrorMap {
  std::string_view type;
  std::string_view message;
  std::string_view stack;
  ConstBytes details;
};

std::optional<ErrorMap> decode_error_map(ConstBytes payload) {
  msgpack::Reader reader(payload);
  ErrorMap map;
  std::uint32_t size = 0;
  if (!reader.map(size)) return std::nullopt;
  for (std::uint32_t i = 0; i < size; ++i) {
    std::string_view key;
    if (!reader.text(key)) return std::nullopt;
    const bool read = key == "type"      ? reader.text(map.type)
                      : key == "message" ? reader.text(map.message)
                      : key == "stack"   ? reader.text(map.stack)
                      : key == "details" ? reader.binary(map.details)
                                         : reader.skip();
    if (!read) return std::nullopt;
  }
  if (!reader.at_end()) return std::nullopt;
  return map;
}

std::string class_name(const std::type_info& type) {
  int failed = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &failed),
                                                         &std::free);
  return failed == 0 ? name.get() : type.name();
}

// The length of the UTF-8 sequence that the text begins with; 0 when it begins with none.
std::size_t sequence_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (at(i) >> 6U != 0x2) return 0;
  }
  // Longer than need be, a surrogate, or beyond the last code point.
  const bool refused = (first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f) ||
                       (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f);
  return refused ? 0 : length;
}

// what() may say anything at any length; the other side takes UTF-8 only.
std::string sendable(std::string_view text) {
  std::string sent;
  text = cut_utf8(text, kMaxTextBytes);
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    sent.append(length == 0 ? "?" : text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return sent;
}

ErrorReply error_reply(Code code, std::string_view type, std::string_view what, ConstBytes details) {
  std::string message = sendable(what);
  msgpack::Writer map;
  map.map(details.empty() ? 3 : 4);
  map.text("type");
  map.text(type);
  map.text("message");
  map.text(message);
  map.text("code");
  map.text(code_name(code));
  if (!details.empty()) {
    map.text("details");
    map.binary(details);
  }
  return {code, std::move(message), map.take(), false};
}

}  // namespace

void raise(const Error& error) { throw IpcError(error.code, error.message); }

void raise(const Outcome& outcome) {
  const std::string message(outcome.message);
  if (outcome.ending() != Ending::kRemoteError) {
    if (outcome.code != Code::kUnavailable) throw IpcError(outcome.code, message);
    throw ErrorFactory::lost(message, outcome.ending() == Ending::kMaybeRun ? Sent::kMaybe : Sent::kNo);
  }
  if (outcome.payload.empty()) throw RemoteError(outcome.code, message, {}, {}, {});
  const std::optional<ErrorMap> map = decode_error_map(outcome.payload);
  if (!map) throw RemoteError(Code::kDataLoss, "what the service says of its error cannot be read", {}, {}, {});
  // The map has the whole message, where the outcome's own is cut.
  throw RemoteError(outcome.code, map->message.empty() ? message : std::string(map->message),
                    Bytes(map->details.begin(), map->details.end()), std::string(map->type), std::string(map->stack));
}

ErrorReply describe_exception(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const IpcError& error) {
    const Code code = error.code() == Code::kOk ? Code::kUnknown : error.code();
    ErrorReply reply = error_reply(code, "IpcError", error.what(), error.details());
    reply.expected = true;
    return reply;
  } catch (const std::exception& error) {
    return error_reply(Code::kUnknown, class_name(typeid(error)), error.what(), {});
  } catch (...) {
    return error_reply(Code::kUnknown, "unknown", "the handler threw something that is no std::exception", {});
  }
}

}  // namespace ipcbridge
