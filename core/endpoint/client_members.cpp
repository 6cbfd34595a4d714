// Client: those who share an address, which come and go.
#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <utility>

#include "core/endpoint/client.hpp"

namespace ipcbridge {
namespace {

// From one look to the next at least: the directory may be one in which much happens, such as /tmp.
constexpr Duration kLookPause = std::chrono::milliseconds(20);

}  // namespace

// Nobody has the address for himself.
void Client::look_for_members(Link& base) {
  if (context().transports().members(base.address).empty()) return;
  looked_at_ = context().now();
  watch_members();
  // Again: who has come before it was watched. In an order of this client's own: the first to answer gets the first
  // call, and is not to be the same for all clients.
  std::vector<std::uint32_t> members = context().transports().members(base.address);
  std::minstd_rand::result_type seed = 0;
  std::memcpy(&seed, context().nonce().data(), sizeof seed);
  std::shuffle(members.begin(), members.end(), std::minstd_rand(seed + id_));
  for (const std::uint32_t member : members) {
    if (knows(base, member)) continue;
    Link& link = links_.emplace_back();
    link.address = base.address;
    link.member = member;
    link.base = &base;
    attempt_at(link, looked_at_);
  }
}

// Where some change would go unnoticed, the address is tried again every now and then, as any other of a list.
void Client::watch_members() {
  std::set<std::string> directories;
  for (const Link& link : links_) {
    if (link.member == 0 && link.address.transport != Transport::kInproc) {
      directories.insert(link.address.path.substr(0, link.address.path.rfind('/') + 1));
    }
  }
  context().watch_paths(watch_, {}, {directories.begin(), directories.end()});
}

bool Client::knows(const Link& base, std::uint32_t member) const {
  return std::any_of(links_.begin(), links_.end(),
                     [&](const Link& link) { return link.base == &base && link.member == member && !link.gone; });
}

void Client::look_again() {
  if (looked_at_ == TimePoint{} || state_ == ClientState::kClosed || state_ == ClientState::kDisconnected) return;
  const TimePoint at = std::max(context().now(), looked_at_ + kLookPause);
  for (Link& link : links_) {
    if (link.connection != nullptr || link.dial || link.gone) continue;
    link.backoff = Duration::zero();
    attempt_at(link, at);
  }
}

// Later: somebody may be looking at it.
void Client::leave_out(Link& link) {
  link.gone = true;
  link.next_attempt = kNever;
  context().set_timer({context().now(), TimerQueue::Kind::kClient, id_, 0});
}

// Somebody has the address for himself.
void Client::leave_out_members(const Link& base) {
  for (Link& link : links_) {
    if (link.base == &base && link.connection == nullptr) leave_out(link);
  }
}

void Client::sweep_links() {
  links_.remove_if([](const Link& link) { return link.gone && link.connection == nullptr; });
  if (looked_at_ == TimePoint{}) return;
  if (std::any_of(links_.begin(), links_.end(), [](const Link& link) { return link.member != 0; })) return;
  looked_at_ = {};
  watch_ = {};
}

// Of those who share an address only who is there, and then not the address itself.
bool Client::is_shown(const Link& link) const {
  if (link.member != 0) return link.usable;
  return link.usable || std::none_of(links_.begin(), links_.end(),
                                     [&](const Link& other) { return other.base == &link && other.usable; });
}

}  // namespace ipcbridge
