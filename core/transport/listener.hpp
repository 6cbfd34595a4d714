#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/transport/channel.hpp"

namespace ipcbridge {

// Where the connections to one address arrive. Used by one thread at a time; nothing here blocks. The destructor stops
// listening, frees the address, and hangs up on whoever still waits.
class Listener {
 public:
  Listener() = default;
  virtual ~Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Readable while somebody waits; the same for the listener's life.
  virtual int fd() const = 0;

  // The next who waits, before any handshake and whoever it is (see Admission). Null when nobody does, or whoever did
  // has gone again. resource_exhausted when this process lacks a descriptor for it: it goes on waiting, and fd() stays
  // readable.
  virtual Result<std::unique_ptr<Channel>> accept() = 0;

  // Whether clients still find it: what is in the file system may have been removed, replaced, or hidden by a mount.
  virtual bool is_in_place() const { return true; }
  // The files that this depends on, to be watched.
  virtual std::vector<std::string> files() const { return {}; }
};

}  // namespace ipcbridge
