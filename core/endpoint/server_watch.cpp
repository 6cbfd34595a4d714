// A server looks after the files by which its clients find it: its socket, and the lock beside it.

#include <utility>

#include "core/endpoint/server.hpp"

namespace ipcbridge {
namespace {

// Who removes one file may be about to remove the others, and their directory, which is not to be full again by then.
constexpr Duration kDebounce = std::chrono::milliseconds(50);
constexpr Duration kRetry = std::chrono::milliseconds(100);

}  // namespace

void Server::check_soon() {
  if (state_ == ServerState::kListening && !options_.attached) check_by(context().now() + kDebounce);
}

void Server::check_by(TimePoint at) {
  if (at >= check_at_) return;
  check_at_ = at;
  context().set_timer({at, TimerQueue::Kind::kServer, id_, 0});
}

void Server::check_listener() {
  check_at_ = kNever;
  if (listener_ && is_in_place()) {
    watch_listener();
  } else {
    listen_anew();
  }
}

// Whether it is the directory of names that cannot be used makes no difference to who is connected: it stays.
bool Server::is_in_place() const {
  const Result<std::string> path = address_.locate();
  return listener_->is_in_place() && (!path.ok() || path.value() == address_.path);
}

void Server::watch_listener() {
  const std::vector<std::string> files = listener_->files();
  if (files.empty()) return;
  std::vector<std::string> listed;
  if (address_.directory && address_.directory->follows_sessions()) listed.push_back(address_.directory->sessions());
  const bool complete = context().watch_paths(watch_, files, listed);
  if (!complete) check_by(context().now() + context().options().listener_check_interval);
  if (!is_in_place()) check_by(context().now() + kDebounce);  // it has changed before it was watched
}

// Connections stay.
void Server::listen_anew() {
  const TimePoint now = context().now();
  if (listener_) give_up_at_ = deadline_after(now, options_.takeover_timeout);
  stop_listening();
  Status status = relocate();
  if (status.ok()) status = listen();
  if (status.ok()) {
    give_up_at_ = kNever;
  } else if (status.error().code == Code::kAlreadyExists || now >= give_up_at_) {
    lose_place(status.error());
  } else {
    check_by(now + kRetry);
  }
}

Status Server::relocate() {
  if (!address_.directory) return {};
  if (Result<std::string> directory = address_.directory->make(); !directory.ok()) return directory.error();
  Result<std::string> path = address_.locate();
  if (!path.ok()) return path.error();
  address_.path = std::move(path).value();
  return {};
}

void Server::lose_place(const Error& why) {
  const bool taken = why.code == Code::kAlreadyExists;
  close_reason_ = {taken ? Code::kAborted : why.code,
                   "clients cannot find " + address_.text + " any more: " + why.message};
  close(defaults::kGrace);
}

}  // namespace ipcbridge
