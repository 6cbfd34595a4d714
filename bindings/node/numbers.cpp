#include "bindings/node/numbers.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include <ipcbridge/code.hpp>
#include <ipcbridge/defaults.hpp>

#include "bindings/node/environment.hpp"
#include "core/endpoint/event_batch.hpp"
#include "core/endpoint/events.hpp"
#include "core/endpoint/nested_calls.hpp"
#include "core/endpoint/options.hpp"
#include "core/rpc/attachment_table.hpp"
#include "core/rpc/hello.hpp"
#include "core/rpc/message.hpp"

namespace ipcbridge::node {
namespace {

template <typename Number>
Napi::Object named(Napi::Env env, std::initializer_list<std::pair<const char*, Number>> members) {
  Napi::Object object = Napi::Object::New(env);
  for (const auto& [name, number] : members) object[name] = static_cast<double>(number);
  return object;
}

// The names of the numbers from `first` to `last`.
template <typename Number>
Napi::Array names(Napi::Env env, Number first, Number last, std::string_view (*name_of)(Number)) {
  Napi::Array array = Napi::Array::New(env);
  for (auto number = static_cast<std::uint32_t>(first); number <= static_cast<std::uint32_t>(last); ++number) {
    array[array.Length()] = std::string(name_of(static_cast<Number>(number)));
  }
  return array;
}

Napi::Object columns(Napi::Env env) {
  return named<EventRow::Column>(env, {{"kind", EventRow::kKind},
                                       {"owner", EventRow::kOwner},
                                       {"token", EventRow::kToken},
                                       {"tokenHigh", static_cast<EventRow::Column>(EventRow::kToken + 1)},
                                       {"method", EventRow::kMethod},
                                       {"state", EventRow::kState},
                                       {"code", EventRow::kCode},
                                       {"timeoutLow", EventRow::kTimeout},
                                       {"timeoutHigh", static_cast<EventRow::Column>(EventRow::kTimeout + 1)},
                                       {"ending", EventRow::kEnding},
                                       {"payloadStart", EventRow::kPayloadStart},
                                       {"payloadEnd", EventRow::kPayloadEnd},
                                       {"messageStart", EventRow::kMessageStart},
                                       {"messageEnd", EventRow::kMessageEnd},
                                       {"metadataStart", EventRow::kMetadataStart},
                                       {"metadataEnd", EventRow::kMetadataEnd},
                                       {"longMessage", EventRow::kLongMessage},
                                       {"flags", EventRow::kFlags},
                                       {"items", EventRow::kItems},
                                       {"itemsBytes", EventRow::kItemsBytes},
                                       {"itemsBytesHigh", static_cast<EventRow::Column>(EventRow::kItemsBytes + 1)},
                                       {"streams", EventRow::kStreams},
                                       {"connectionLow", EventRow::kConnection},
                                       {"connectionHigh", static_cast<EventRow::Column>(EventRow::kConnection + 1)},
                                       {"streamLow", EventRow::kCallId},
                                       {"streamHigh", static_cast<EventRow::Column>(EventRow::kCallId + 1)}});
}

}  // namespace

Napi::Object numbers(Napi::Env env) {
  Napi::Object object = Napi::Object::New(env);
  object["ending"] = named<Ending>(env, {{"remoteError", Ending::kRemoteError}, {"maybeRun", Ending::kMaybeRun}});
  object["callFlag"] = named<unsigned>(
      env,
      {{"notify", call_flag::kNotify}, {"idempotent", call_flag::kIdempotent}, {"failFast", call_flag::kFailFast}});
  object["takeover"] =
      named<Takeover>(env, {{"wait", Takeover::kWait}, {"fail", Takeover::kFail}, {"replace", Takeover::kReplace}});
  object["kind"] = named<EventKind>(env, {{"outcome", EventKind::kOutcome},
                                          {"inboundCall", EventKind::kInboundCall},
                                          {"cancel", EventKind::kCancel},
                                          {"clientState", EventKind::kClientState},
                                          {"serverState", EventKind::kServerState},
                                          {"room", EventKind::kRoom},
                                          {"streamsOpen", EventKind::kStreamsOpen},
                                          {"streamRoom", EventKind::kStreamRoom},
                                          {"streamCancel", EventKind::kStreamCancel},
                                          {"streamItems", EventKind::kStreamItems},
                                          {"streamEnd", EventKind::kStreamEnd},
                                          {"referenceReleased", EventKind::kReferenceReleased}});
  object["flag"] = named<EventRow::Flag>(env, {{"notify", EventRow::kNotify}, {"reference", EventRow::kReference}});
  object["defaultGrace"] = std::chrono::duration<double, std::milli>(defaults::kGrace).count();
  object["leastLimitBytes"] = static_cast<double>(kLeastLimitBytes);
  object["maxNestedCalls"] = static_cast<double>(kMaxNestedCalls);
  object["describe"] = kDescribeMethod;
  object["control"] = named<Environment::Control>(env, {{"keepAlive", Environment::kKeepAlive},
                                                        {"noSpin", Environment::kNoSpin},
                                                        {"room", Environment::kRoom},
                                                        {"attached", Environment::kAttached}});
  object["column"] = columns(env);
  object["oneStream"] = static_cast<double>(EventRow::kOneStream);
  object["attachedFrom"] = static_cast<double>(AttachmentTable::kAttachedFrom);
  object["maxAttachments"] = static_cast<double>(AttachmentTable::kMaxAttachments);
  object["rowWords"] = static_cast<double>(EventRow::kWords);
  object["codes"] = names(env, Code::kCancelled, static_cast<Code>(kCodeCount - 1), code_name);
  object["clientStates"] = names<ClientState>(env, ClientState::kConnecting, ClientState::kClosed, state_name);
  object["serverStates"] = names<ServerState>(env, ServerState::kStarting, ServerState::kClosed, state_name);
  return object;
}

}  // namespace ipcbridge::node
