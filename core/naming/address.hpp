#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/naming/directory.hpp"

namespace ipcbridge {

// In bytes: 107 on Linux.
extern const std::size_t kMaxSocketPath;

enum class Transport : std::uint8_t { kAuto, kShm, kUnix, kInproc };

// Whether the two sides agree on shared memory before they talk.
enum class SharedMemory : std::uint8_t { kNone, kWherePossible, kRequired };

// Where a service is: `calc` (a local name), `shm:///path`, `unix:///path` or `inproc://name`.
struct Address {
  std::string text;  // as the user wrote it
  Transport transport = Transport::kAuto;
  std::string path;                         // of the socket; of inproc the name
  bool named = false;                       // a local name, looked up in the directory of names
  std::optional<NamesDirectory> directory;  // of a local name

  // Where the socket is now: the directory of names may have become another since. An error when it is not safe to use.
  Result<std::string> locate() const;

  SharedMemory shared_memory() const;
  // Whether both are one place, whatever they say of shared memory.
  bool is_same_place(const Address& other) const;
};

// invalid_argument for what is no address; the message says what a name may consist of.
// failed_precondition when the directory of names is not safe to use. Creates the directory when missing.
Result<Address> parse_address(std::string_view text);

}  // namespace ipcbridge
