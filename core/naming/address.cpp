#include "core/naming/address.hpp"

#include <algorithm>

#include "core/base/utf8.hpp"
#include "core/naming/directory.hpp"
#include "core/rpc/hello.hpp"

namespace ipcbridge {
namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

// A part of an address, as its sentence shows it.
std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 80;
  return printable(text, kMost);
}

Status check_name(std::string_view name) {
  const bool valid = !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' && name.front() != '-' &&
                     std::all_of(name.begin(), name.end(), is_name_character);
  if (valid) return {};
  return Error{Code::kInvalidArgument, "'" + shown(name) +
                                           "' is no service name: 1 to 64 of A-Z a-z 0-9 . _ -, and the first is "
                                           "neither . nor - (or an address such as unix:///path)"};
}

Result<Address> parse_path(std::string_view text, std::string_view path, Transport transport) {
  if (path.empty() || path.front() != '/' || path.back() == '/' || path.find('\0') != std::string_view::npos) {
    return Error{Code::kInvalidArgument, "'" + shown(text) + "' needs an absolute path, as in unix:///run/calc.sock"};
  }
  if (path.size() > kMaxSocketPath) {
    return Error{Code::kInvalidArgument, "the path of '" + shown(text) + "' is longer than the " +
                                             std::to_string(kMaxSocketPath) + " bytes that a socket may have"};
  }
  return Address{std::string(text), transport, std::string(path), false, {}};
}

std::string socket_path(const std::string& directory, std::string_view name) {
  return directory + "/" + std::string(name) + ".sock";
}

}  // namespace

SharedMemory Address::shared_memory() const {
  if (transport == Transport::kShm) return SharedMemory::kRequired;
  return transport == Transport::kAuto ? SharedMemory::kWherePossible : SharedMemory::kNone;
}

bool Address::is_same_place(const Address& other) const {
  return path == other.path && (transport == Transport::kInproc) == (other.transport == Transport::kInproc);
}

Result<Address> parse_address(std::string_view text) {
  constexpr std::string_view kShm = "shm://";
  constexpr std::string_view kUnix = "unix://";
  constexpr std::string_view kInproc = "inproc://";
  if (text.starts_with(kShm)) return parse_path(text, text.substr(kShm.size()), Transport::kShm);
  if (text.starts_with(kUnix)) return parse_path(text, text.substr(kUnix.size()), Transport::kUnix);
  if (text.starts_with(kInproc)) {
    const std::string_view name = text.substr(kInproc.size());
    if (Status status = check_name(name); !status.ok()) return status.error();
    return Address{std::string(text), Transport::kInproc, std::string(name), false, {}};
  }
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    const bool later =
        text.starts_with("tcp:") || text.starts_with("tls:") || text.starts_with("ws:") || text.starts_with("zmq+tcp:");
    return Error{later ? Code::kUnimplemented : Code::kInvalidArgument,
                 "'" + shown(text) +
                     (later ? "': this transport comes in a later release"
                            : "': the transports are shm://, unix:// and inproc://")};
  }
  if (Status status = check_name(text); !status.ok()) return status.error();
  Address address{std::string(text), Transport::kAuto, "", true, NamesDirectory()};
  Result<std::string> directory = address.directory->make();
  if (!directory.ok()) return directory.error();
  address.path = socket_path(directory.value(), text);
  if (address.path.size() > kMaxSocketPath) {
    return Error{Code::kInvalidArgument, "the socket path " + address.path + " is longer than " +
                                             std::to_string(kMaxSocketPath) +
                                             " bytes: set IPCBRIDGE_DIR to a shorter directory"};
  }
  return address;
}

Result<std::string> Address::locate() const {
  if (!directory) return path;
  Result<std::string> found = directory->check();
  if (!found.ok()) return found.error();
  return socket_path(found.value(), text);
}

}  // namespace ipcbridge
