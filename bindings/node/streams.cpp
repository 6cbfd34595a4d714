// The methods of the addon for streams; js/src/native.ts declares them.
//
// A stream crosses as two numbers: its connection, and its id (wide_ids.hpp).

#include "bindings/node/streams.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "bindings/node/arguments.hpp"
#include "bindings/node/wide_ids.hpp"

namespace ipcbridge::node {
namespace {

StreamKey stream_at(const Arguments& args, std::size_t at) {
  return {static_cast<std::uint64_t>(args.number(at)), wide_id(args.number(at + 1))};
}

// How many items may be sent.
std::int32_t items_of(const StreamRoom& room) {
  return room.empty() ? 0 : static_cast<std::int32_t>(std::min<std::uint64_t>(room.items, INT32_MAX));
}

// The same of now; the code of the failure made negative, as where the stream is over.
napi_value room(const Arguments& args, const Result<StreamRoom>& room) {
  if (!room.ok()) return args.handle(room.error());
  return Napi::Number::New(args.env(), items_of(room.value()));
}

napi_value reply_with(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  Environment& environment = args.environment();
  const auto payload = environment.outgoing(0, args.u32(1));
  RequestKey request;
  if (!payload || !environment.inbound_calls().take(args.u32(0), request)) return nullptr;
  const std::vector<std::uint64_t> references = args.wide_ids(3);
  const Result<Attachments> attachments = environment.take_attachments_for(request.connection);
  if (!attachments.ok()) {
    environment.driver()->reply_error(request, attachments.error().code, attachments.error().message, {});
    return nullptr;
  }
  const std::optional<OpenedStreams> opened =
      environment.driver()->reply(request, {*payload, attachments.value()}, nullptr, args.u32(2), references);
  if (!opened) return nullptr;
  environment.tell_room(items_of(opened->room));
  return Napi::Number::New(env, wide_number(opened->first.id));
}

napi_value stream_room(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return room(args, args.environment().driver()->stream_room(stream_at(args, 0)));
}

napi_value send_items(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  const auto body = args.environment().items(args.u32(2));
  if (!body) return args.handle(not_encoded());
  const StreamKey stream = stream_at(args, 0);
  const Result<Attachments> attachments = args.environment().take_attachments_for(stream.connection);
  if (!attachments.ok()) return args.handle(attachments.error());
  return room(args, args.environment().driver()->send_items(stream, {*body, attachments.value()}));
}

napi_value use_items(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().use_items(args.value(0));
  return nullptr;
}

napi_value end_stream(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  Environment& environment = args.environment();
  const auto code = static_cast<std::uint8_t>(args.u32(2));
  if (code == 0) {
    environment.driver()->end_stream(stream_at(args, 0));
    return nullptr;
  }
  const auto details = environment.outgoing(0, args.u32(4));
  if (!details) return args.result(not_encoded());
  const Error error{code_from_number(code).value_or(Code::kUnknown), args.text(3)};
  environment.driver()->end_stream(stream_at(args, 0), &error, *details);
  return nullptr;
}

napi_value consume_stream(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().driver()->consume_stream(stream_at(args, 0), args.u32(2),
                                              static_cast<std::uint64_t>(args.number(3)));
  return nullptr;
}

napi_value cancel_stream(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().driver()->cancel_stream(stream_at(args, 0));
  return nullptr;
}

}  // namespace

bool add_stream_methods(napi_env env, napi_value methods, Environment& environment) {
  const auto add = [&](const char* name, napi_callback method) {
    napi_value function = nullptr;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, method, &environment, &function) != napi_ok) return false;
    return napi_set_named_property(env, methods, name, function) == napi_ok;
  };
  return add("replyWith", guarded<reply_with, Returns::kObject>) &&
         add("streamRoom", guarded<stream_room, Returns::kHandle>) && add("useItems", use_items) &&
         add("sendItems", guarded<send_items, Returns::kHandle>) && add("endStream", guarded<end_stream>) &&
         add("consumeStream", guarded<consume_stream>) && add("cancelStream", guarded<cancel_stream>);
}

}  // namespace ipcbridge::node
