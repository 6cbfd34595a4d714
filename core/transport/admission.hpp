#pragma once

#include <sys/types.h>

#include <string>
#include <variant>

#include "core/base/known_ids.hpp"
#include "core/base/result.hpp"
#include "core/transport/allow_list.hpp"
#include "core/transport/principal.hpp"

namespace ipcbridge {

// Those who share a quota: the processes of one user of this machine, or all that is known of a network peer: the name
// that it has proved, or else its host.
using QuotaHolder = std::variant<uid_t, std::string>;

QuotaHolder quota_holder(const Principal& peer);

// "user 1000", "the host 10.0.0.7".
std::string describe(const QuotaHolder& holder);
// "process 4711", "10.0.0.7".
std::string describe(const Principal& peer);

// Whom this process talks to, and what they may do. Each question has an answer for each kind of principal: a new kind
// does not compile before somebody has thought about it.
class Admission {
 public:
  Admission(const KnownIds& ids, AllowList allow);

  // Local: this process's own user, root, a user whom the list names, or a process in a group that the list names. Root
  // and own always, because either could read this process's memory anyway. A user whom this process's user namespace
  // does not map is nobody. Network: whoever has proved a name. Else permission_denied.
  Status admit(const Principal& peer) const;

  // Whether it is this process's own user, or root: it may replace a service and has no guest's quota. Never somebody
  // on a network.
  bool is_owner(const Principal& peer) const;

 private:
  Status admit_local(const LocalPeer& peer) const;
  static Status admit_network(const NetworkPeer& peer);
  bool is_owner_local(const LocalPeer& peer) const;
  bool is_in_allowed_group(const LocalPeer& peer) const;

  KnownIds ids_;
  AllowList allow_;
};

}  // namespace ipcbridge
