#include "core/base/process_identity.hpp"

#include <algorithm>
#include <charconv>

namespace ipcbridge {
namespace {

constexpr const char* kElsewhere = "of another container (PID namespace)";

template <typename T>
T take_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  T number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc() ? number : 0;
}

}  // namespace

std::string ProcessIdentity::line() const {
  return std::to_string(pid) + " " + std::to_string(pid_namespace) + " " + std::to_string(token) + "\n";
}

ProcessIdentity ProcessIdentity::parse(std::string_view line) {
  ProcessIdentity identity;
  identity.pid = take_number<pid_t>(line);
  identity.pid_namespace = take_number<std::uint64_t>(line);
  identity.token = take_number<std::uint64_t>(line);
  return identity;
}

std::string ProcessIdentity::describe() const {
  if (pid <= 0) return "another process";
  const ProcessIdentity self = own();
  // Each copy of the core makes a token of its own.
  const bool is_copy =
      pid == self.pid && pid_namespace == self.pid_namespace && pid_namespace != 0 && token != 0 && token != self.token;
  if (is_copy) return "another copy of ipcbridge in this process";
  const bool foreign = pid_namespace != 0 && self.pid_namespace != 0 && pid_namespace != self.pid_namespace;
  return "process " + std::to_string(pid) + (foreign ? std::string(" ") + kElsewhere : "");
}

std::string describe_peer(pid_t pid) {
  return pid > 0 ? "process " + std::to_string(pid) : std::string("a process ") + kElsewhere;
}

}  // namespace ipcbridge
