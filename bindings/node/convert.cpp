#include "bindings/node/convert.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "core/endpoint/events.hpp"
#include "core/transport/accounts.hpp"

namespace ipcbridge::node {
namespace {

double number_of(Napi::Object from, const char* key) { return from.Get(key).As<Napi::Number>().DoubleValue(); }

template <typename T>
T integer_of(Napi::Object from, const char* key) {
  return static_cast<T>(number_of(from, key));
}

// What is not given keeps its default.
template <typename T>
void take_integer(Napi::Object from, const char* key, T& into) {
  if (!from.Get(key).IsUndefined()) into = integer_of<T>(from, key);
}

void take_duration(Napi::Object from, const char* key, Duration& into) {
  if (!from.Get(key).IsUndefined()) into = duration_of(number_of(from, key));
}

Limits limits_of(Napi::Object from) {
  Limits limits;
  take_integer(from, "maxMessageBytes", limits.max_message_bytes);
  take_integer(from, "maxPendingBytes", limits.max_pending_bytes);
  take_integer(from, "maxPendingCalls", limits.max_pending_calls);
  take_integer(from, "streamWindowItems", limits.stream_window_items);
  take_integer(from, "streamWindowBytes", limits.stream_window_bytes);
  return limits;
}

// Uids are numbers, users and groups strings.
Result<AllowList> allow_list_of(Napi::Object from) {
  const auto given = from.Get("allow").As<Napi::Array>();
  AllowList allow;
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < given.Length(); ++i) {
    const Napi::Value who = given[i];
    if (who.IsNumber()) {
      allow.uids.push_back(who.As<Napi::Number>().Uint32Value());
    } else {
      names.push_back(who.As<Napi::String>().Utf8Value());
    }
  }
  if (Status status = add_accounts(System::real(), names, allow); !status.ok()) return status.error();
  return allow;
}

std::vector<std::uint32_t> to_numbers(Napi::Value value) {
  std::vector<std::uint32_t> numbers;
  const auto array = value.As<Napi::Array>();
  numbers.reserve(array.Length());
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    numbers.push_back(array.Get(i).As<Napi::Number>().Uint32Value());
  }
  return numbers;
}

Napi::Value busy_or_null(Napi::Env env, const std::optional<PeerActivity>& activity) {
  if (!activity) return env.Null();
  Napi::Object busy = Napi::Object::New(env);
  busy["method"] = activity->method;
  busy["ms"] = std::chrono::duration<double, std::milli>(activity->time).count();
  return busy;
}

Napi::Value text_or_null(Napi::Env env, const std::string& text) {
  if (text.empty()) return env.Null();
  return Napi::String::New(env, text);
}

Napi::Value peer_or_null(Napi::Env env, const LocalPeer* identity) {
  if (identity == nullptr) return env.Null();
  Napi::Object peer = Napi::Object::New(env);
  peer["pid"] = identity->pid == 0 ? env.Null() : Napi::Number::New(env, identity->pid);
  peer["uid"] = static_cast<double>(identity->uid);
  return peer;
}

Napi::Value stalled_or_null(Napi::Env env, const StreamStatus& streams) {
  if (streams.stalled == 0) return env.Null();
  Napi::Object stalled = Napi::Object::New(env);
  stalled["count"] = static_cast<double>(streams.stalled);
  stalled["ms"] = std::chrono::duration<double, std::milli>(streams.stalled_for).count();
  return stalled;
}

void put_streams(Napi::Object object, const StreamStatus& streams) {
  object["openStreams"] = static_cast<double>(streams.open);
  object["stalledStreams"] = stalled_or_null(object.Env(), streams);
  object["awaitedStreams"] = static_cast<double>(streams.awaited);
}

Napi::Object link_object(Napi::Env env, const LinkStatus& link) {
  Napi::Object object = Napi::Object::New(env);
  object["state"] = std::string(state_name(link.state));
  object["address"] = link.address;
  object["transport"] = text_or_null(env, link.transport);
  object["fallbackReason"] = text_or_null(env, link.fallback_reason);
  object["peer"] = peer_or_null(env, link.local_peer());
  object["unreadBytes"] = static_cast<double>(link.unread_bytes);
  object["busy"] = busy_or_null(env, link.busy);
  object["runningCalls"] = static_cast<double>(link.running_calls);
  put_streams(object, link.streams);
  return object;
}

}  // namespace

Duration duration_of(double milliseconds) {
  constexpr double kMostMilliseconds = 1e12;  // 31 years
  if (!(milliseconds < kMostMilliseconds)) return Duration::max();
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(milliseconds));
}

Result<ConnectOptions> connect_options(Napi::Object from) {
  Result<AllowList> allow = allow_list_of(from);
  if (!allow.ok()) return allow.error();
  ConnectOptions options;
  options.addresses = to_texts(from.Get("addresses"));
  take_duration(from, "connectTimeout", options.connect_timeout);
  take_integer(from, "maxQueuedBytes", options.max_queued_bytes);
  options.limits = limits_of(from);
  options.allow = std::move(allow).value();
  take_integer(from, "serves", options.serves);
  options.lazy = from.Get("lazy").ToBoolean();
  options.name = from.Get("name").As<Napi::String>().Utf8Value();
  return options;
}

Result<ServeOptions> serve_options(Napi::Object from) {
  Result<AllowList> allow = allow_list_of(from);
  if (!allow.ok()) return allow.error();
  ServeOptions options;
  options.address = from.Get("address").As<Napi::String>().Utf8Value();
  options.attached = from.Get("attached").As<Napi::Boolean>().Value();
  options.methods = to_texts(from.Get("methods"));
  options.serial_groups = to_numbers(from.Get("serialGroups"));
  options.takeover = static_cast<Takeover>(integer_of<std::uint32_t>(from, "takeover"));
  options.shared = from.Get("shared").As<Napi::Boolean>().Value();
  take_duration(from, "takeoverTimeout", options.takeover_timeout);
  options.limits = limits_of(from);
  take_integer(from, "maxBytesPerUser", options.max_bytes_per_user);
  options.allow = std::move(allow).value();
  take_integer(from, "mode", options.mode);
  return options;
}

Napi::Object to_object(Napi::Env env, const ClientStatus& status) {
  Napi::Object object = link_object(env, status);
  object["pendingCalls"] = static_cast<double>(status.pending_calls);
  object["queuedCalls"] = static_cast<double>(status.queued_calls);
  object["queuedBytes"] = static_cast<double>(status.queued_bytes);
  object["droppedNotifications"] = static_cast<double>(status.dropped_notifications);
  const Napi::Array links = Napi::Array::New(env, status.links.size());
  for (std::uint32_t i = 0; i < links.Length(); ++i) links.Set(i, link_object(env, status.links[i]));
  object["links"] = links;
  return object;
}

Napi::Object to_object(Napi::Env env, const ServerStatus& status) {
  Napi::Object object = Napi::Object::New(env);
  object["state"] = std::string(state_name(status.state));
  object["address"] = status.address;
  object["path"] = status.path;
  object["connections"] = static_cast<double>(status.connections);
  object["shmConnections"] = static_cast<double>(status.shm_connections);
  object["runningCalls"] = static_cast<double>(status.running_calls);
  object["pendingCalls"] = static_cast<double>(status.pending_calls);
  put_streams(object, status.streams);
  return object;
}

std::vector<std::string> to_texts(Napi::Value value) {
  std::vector<std::string> texts;
  const auto array = value.As<Napi::Array>();
  texts.reserve(array.Length());
  for (std::uint32_t i = 0; i < array.Length(); ++i) texts.push_back(array.Get(i).As<Napi::String>().Utf8Value());
  return texts;
}

Napi::Array to_array(Napi::Env env, const std::vector<std::string>& texts) {
  const Napi::Array array = Napi::Array::New(env, texts.size());
  for (std::uint32_t i = 0; i < texts.size(); ++i) array.Set(i, texts[i]);
  return array;
}

}  // namespace ipcbridge::node
