#pragma once

#include <sys/types.h>

namespace ipcbridge {

// The ids of users and groups that say who somebody is. In a user namespace the kernel shows everybody whom it does not
// map under one and the same id, the overflow id (65534 as a rule): whoever has it may be anybody, also where this
// process itself is shown with it. In the initial namespace, and in any other that maps all ids, it is an id like the
// others: that of the user `nobody`.
class KnownIds {
 public:
  // As this process sees them now. What cannot be found out counts as a namespace with gaps.
  static KnownIds read();

  KnownIds(bool all_users, uid_t overflow_uid, bool all_groups, gid_t overflow_gid)
      : all_users_(all_users), all_groups_(all_groups), overflow_uid_(overflow_uid), overflow_gid_(overflow_gid) {}

  bool is_user(uid_t uid) const { return all_users_ || uid != overflow_uid_; }
  bool is_group(gid_t gid) const { return all_groups_ || gid != overflow_gid_; }

 private:
  bool all_users_;
  bool all_groups_;
  uid_t overflow_uid_;
  gid_t overflow_gid_;
};

// The user with whose rights this process runs.
uid_t effective_user();

}  // namespace ipcbridge
