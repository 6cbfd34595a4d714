#pragma once

#include <optional>
#include <string>

#include "core/base/result.hpp"

namespace ipcbridge {

// The directory in which local names are sockets: $IPCBRIDGE_DIR, else /run/user/UID/ipcbridge where /run/user/UID
// exists, else /tmp/ipcbridge-UID.
class NamesDirectory {
 public:
  // The environment is asked here and never again: another thread may change it.
  NamesDirectory();

  // From now on $IPCBRIDGE_DIR is this, for runtimes that do not put into the process's environment what their programs
  // put into theirs. resource_exhausted when there is no memory for it.
  static Status set_environment(const std::string& path);

  // What helps wherever a directory of names will not do. One that is configured may be something else's by
  // mistake, so that nobody is told to remove it or to open or close it to others.
  static constexpr const char* kElsewhere = "set IPCBRIDGE_DIR to a directory of your own, that is for nothing else";

  // What is wrong with the directory, and what to do about it.
  struct Refusal {
    Error why;
    std::string remedy;

    Error error() const { return {why.code, why.message + ": " + remedy}; }
  };

  // Where that is now: /run/user/UID comes and goes with the user's sessions.
  std::string path() const;
  bool follows_sessions() const { return configured_.empty(); }

  // One that is a symbolic link, belongs to somebody else or is open to others is refused with failed_precondition,
  // because whoever can write there can pose as any service. One that is missing is fine: nobody serves there.
  Result<std::string> check() const;

  // Why check() refuses one, which is what path() told.
  std::optional<Refusal> refusal(const std::string& path) const;
  // Why a service cannot have its files in one that is there and not refused.
  static std::optional<Refusal> refusal_of_services(const std::string& path);

  // As check(); makes it when missing, with mode 0700, and so the parents of $IPCBRIDGE_DIR.
  Result<std::string> make() const;

  // The directory in which a beginning or an ending session shows; empty where that does not matter.
  std::string sessions() const;

 private:
  std::string configured_;
};

}  // namespace ipcbridge
