#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/exit_files.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/naming/name_lock.hpp"
#include "core/transport/listener.hpp"

namespace ipcbridge {

// One of several servers that share a path: its socket is beside those of the others (see find_members()), and has a
// lock of its own, which tells the living from the dead. The lock of the path they hold together.
class MemberListener final : public Listener {
 public:
  // already_exists when somebody has the path for himself, resource_exhausted when there are kMostMembers.
  static Result<std::unique_ptr<Listener>> listen(System& system, const std::string& path, mode_t mode);

  int fd() const override { return member_->fd(); }
  Result<std::unique_ptr<Channel>> accept() override { return member_->accept(); }
  bool is_in_place() const override { return member_->is_in_place() && lock_.held(); }
  // The socket comes first.
  std::vector<std::string> files() const override;

 private:
  MemberListener(NameLock lock, std::unique_ptr<Listener> member)
      : lock_(std::move(lock)), member_(std::move(member)), lock_at_exit_(lock_.path(), lock_.fd()) {}

  NameLock lock_;
  std::unique_ptr<Listener> member_;  // ends first, so that whoever has the path next finds no member of before
  ExitFile lock_at_exit_;
};

}  // namespace ipcbridge
