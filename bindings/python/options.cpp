#include "bindings/python/options.hpp"

#include <chrono>
#include <optional>

#include "bindings/python/errors.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

template <typename T>
void take(T& value, const py::handle& key, const py::handle& given) {
  try {
    value = given.cast<T>();
  } catch (const py::cast_error&) {
    raise(Code::kInvalidArgument, "limits: " + key.cast<Text>() + " is no count");
  }
}

// Only a server has a limit for each user.
Limits to_limits(const py::dict& given, std::uint64_t* max_bytes_per_user = nullptr) {
  Limits limits;
  for (const auto& [key, value] : given) {
    const std::string name = key.cast<Text>();
    if (name == "max_message_bytes") {
      take(limits.max_message_bytes, key, value);
    } else if (name == "max_pending_bytes") {
      take(limits.max_pending_bytes, key, value);
    } else if (name == "max_pending_calls") {
      take(limits.max_pending_calls, key, value);
    } else if (name == "stream_window_items") {
      take(limits.stream_window_items, key, value);
    } else if (name == "stream_window_bytes") {
      take(limits.stream_window_bytes, key, value);
    } else if (name == "max_bytes_per_user" && max_bytes_per_user != nullptr) {
      take(*max_bytes_per_user, key, value);
    } else {
      raise(Code::kInvalidArgument,
            "limits has no '" + name +
                "': there are max_message_bytes, max_pending_bytes, max_pending_calls, stream_window_items, " +
                (max_bytes_per_user == nullptr ? "" : "max_bytes_per_user, ") + "stream_window_bytes");
    }
  }
  return limits;
}

Takeover to_takeover(const std::string& name) {
  if (name == "wait") return Takeover::kWait;
  if (name == "fail") return Takeover::kFail;
  if (name == "replace") return Takeover::kReplace;
  raise(Code::kInvalidArgument, "takeover is 'wait', 'fail' or 'replace', not '" + name + "'");
}

py::object busy_or_none(const std::optional<PeerActivity>& activity) {
  if (!activity) return py::none();
  py::dict busy;
  busy["method"] = to_str(activity->method);
  busy["seconds"] = std::chrono::duration<double>(activity->time).count();
  return busy;
}

py::object text_or_none(const std::string& text) {
  if (text.empty()) return py::none();
  return to_str(text);
}

py::object stalled_or_none(const StreamStatus& streams) {
  if (streams.stalled == 0) return py::none();
  py::dict stalled;
  stalled["count"] = streams.stalled;
  stalled["seconds"] = std::chrono::duration<double>(streams.stalled_for).count();
  return stalled;
}

void put_streams(py::dict& dict, const StreamStatus& streams) {
  dict["open_streams"] = streams.open;
  dict["stalled_streams"] = stalled_or_none(streams);
  dict["awaited_streams"] = streams.awaited;
}

py::dict link_dict(const LinkStatus& link) {
  py::dict dict;
  dict["state"] = to_str(state_name(link.state));
  dict["address"] = path_to_str(link.address);
  dict["transport"] = text_or_none(link.transport);
  dict["fallback_reason"] = text_or_none(link.fallback_reason);
  const LocalPeer* peer = link.local_peer();
  dict["peer_pid"] = peer != nullptr && peer->pid != 0 ? py::cast(peer->pid) : py::none();
  dict["peer_uid"] = peer != nullptr ? py::cast(peer->uid) : py::none();
  dict["unread_bytes"] = link.unread_bytes;
  dict["busy"] = busy_or_none(link.busy);
  dict["running_calls"] = link.running_calls;
  put_streams(dict, link.streams);
  return dict;
}

}  // namespace

Duration to_duration(std::int64_t microseconds) {
  constexpr std::int64_t kLongest = Duration::max().count() / 1000;
  if (microseconds < 0 || microseconds >= kLongest) return Duration::max();
  return std::chrono::microseconds(microseconds);
}

ConnectOptions connect_options(const std::vector<Path>& addresses, std::int64_t connect_timeout_us,
                               std::uint64_t max_queued_bytes, const py::dict& limits, Allow allow, ServerId serves,
                               std::string name, bool lazy) {
  ConnectOptions options;
  options.addresses.assign(addresses.begin(), addresses.end());
  options.connect_timeout = to_duration(connect_timeout_us);
  options.max_queued_bytes = max_queued_bytes;
  options.limits = to_limits(limits);
  options.allow = {std::move(allow.first), std::move(allow.second)};
  options.serves = serves;
  options.name = std::move(name);
  options.lazy = lazy;
  return options;
}

ServeOptions serve_options(Path address, std::vector<std::string> methods, std::vector<std::uint32_t> serial_groups,
                           const std::string& takeover, std::int64_t takeover_timeout_us, const py::dict& limits,
                           Allow allow, unsigned mode, bool shared) {
  ServeOptions options;
  options.address = std::move(address);
  options.methods = std::move(methods);
  options.serial_groups = std::move(serial_groups);
  options.takeover = to_takeover(takeover);
  options.takeover_timeout = to_duration(takeover_timeout_us);
  options.limits = to_limits(limits, &options.max_bytes_per_user);
  options.allow = {std::move(allow.first), std::move(allow.second)};
  options.mode = mode;
  options.shared = shared;
  return options;
}

CallOptions call_options(std::int64_t timeout_us, unsigned flags) {
  CallOptions options = ipcbridge::call_options(flags);
  if (timeout_us >= 0) options.timeout = to_duration(timeout_us);
  return options;
}

py::dict to_dict(const ClientStatus& status) {
  py::dict dict = link_dict(status);
  dict["pending_calls"] = status.pending_calls;
  dict["queued_calls"] = status.queued_calls;
  dict["queued_bytes"] = status.queued_bytes;
  dict["dropped_notifications"] = status.dropped_notifications;
  py::list links;
  for (const LinkStatus& link : status.links) links.append(link_dict(link));
  dict["links"] = links;
  return dict;
}

py::dict to_dict(const ServerStatus& status) {
  py::dict dict;
  dict["state"] = to_str(state_name(status.state));
  dict["address"] = path_to_str(status.address);
  dict["path"] = path_to_str(status.path);
  dict["connections"] = status.connections;
  dict["shm_connections"] = status.shm_connections;
  dict["running_calls"] = status.running_calls;
  dict["pending_calls"] = status.pending_calls;
  put_streams(dict, status.streams);
  return dict;
}

}  // namespace ipcbridge::python
