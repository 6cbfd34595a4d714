// Client: its connections, and how it gets others when they end.
#include <algorithm>
#include <utility>

#include "core/base/file_identity.hpp"
#include "core/endpoint/client.hpp"
#include "core/endpoint/server.hpp"
#include "core/naming/members.hpp"

namespace ipcbridge {
namespace {

constexpr Duration kFirstBackoff = std::chrono::milliseconds(2);
constexpr Duration kMaxBackoff = std::chrono::milliseconds(100);
// Until what could not be done for want of memory is tried again.
constexpr Duration kScarcityPause = std::chrono::milliseconds(10);
// While another address of the list serves, nobody waits for this one.
constexpr Duration kMaxIdleBackoff = std::chrono::seconds(5);

// How long calls are kept for a connection whose handshake goes on while another is open. A service that is stopped
// accepts and says nothing.
constexpr Duration kShareWait = std::chrono::milliseconds(20);

}  // namespace

// What cannot be done for want of memory is tried again a little later.
void Client::retry_links() {
  for (Link& link : links_) {
    if (link.connection == nullptr && !link.dial) attempt_at(link, context().now() + kScarcityPause);
  }
}

void Client::attempt(Link& link) {
  link.next_attempt = kNever;
  if (state_ == ClientState::kClosed || link.connection != nullptr || link.dial || link.gone) return;
  // The directory of names may have become another since.
  Result<std::string> path = link.address.locate();
  if (!path.ok()) {
    fail_attempt(link, path.error());
    return;
  }
  link.address.path = std::move(path).value();
  if (link.member != 0) link.address.path += member_suffix(link.member);
  link.dial = context().dial(link.address, *this);
  link.dial_until = kNever;
  advance(link);
}

void Client::advance(Link& link) {
  std::optional<Connector::Outcome> outcome = link.dial->advance();
  if (!outcome) {
    if (link.dial_until != kNever) return;
    link.dial_until = context().now() + context().options().handshake_timeout;
    context().set_timer({link.dial_until, TimerQueue::Kind::kClient, id_, 0});
    return;
  }
  link.dial.reset();
  if (outcome->ok()) {
    use(link, std::move(*outcome).value());
  } else {
    fail_attempt(link, outcome->error());
  }
}

void Client::on_dial_ready(std::uint64_t dial) {
  const auto link = std::find_if(links_.begin(), links_.end(),
                                 [&](const Link& each) { return each.dial && each.dial->id() == dial; });
  if (link != links_.end()) advance(*link);
}

void Client::use(Link& link, std::unique_ptr<Channel> channel) {
  if (Status status = admission_.admit(channel->peer()); !status.ok()) {
    fail_attempt(link, {status.error().code,
                        "the service at " + link.address.text + " runs as another user: " + status.error().message});
    return;
  }
  ConnectionSetup setup;
  setup.hello.limits = options_.limits;
  setup.hello.nonce = context().nonce();
  if (link.address.named) setup.hello.service = link.address.text;
  setup.hello.language = context().options().language;
  setup.hello.name = options_.name;
  if (callee_ != nullptr) setup.hello.methods = callee_->methods();
  if (link.address.shared_memory() != SharedMemory::kNone) setup.ring_bytes = context().options().ring_bytes;
  link.connection = context().open_connection(std::move(channel), Session::Side::kConnector, *this, setup);
  if (link.connection == nullptr) {
    retry_later(link, {Code::kResourceExhausted, "cannot watch another descriptor"});
    return;
  }
  link.connection->caller = this;
  ++connections_;
  if (links_.size() > 1) {
    link.expected_until = context().now() + kShareWait;
    context().set_timer({link.expected_until, TimerQueue::Kind::kClient, id_, 0});
  }
  link.connection->start();
}

// The attempt has come to nothing, before there was a connection.
void Client::fail_attempt(Link& link, const Error& why) {
  last_error_ = why;
  // Whoever may write there may have put a socket beside those of the members, which is no reason not to look for them.
  if (is_lasting(why) && !any_usable() && link.member == 0) {
    give_up(why);
    return;
  }
  retry_later(link, why);
  if (why.code != Code::kUnavailable) return;
  if (link.member == 0) {
    look_for_members(link);
  } else if (!FileIdentity::of(link.address.path).exists()) {
    leave_out(link);
  }
}

void Client::retry_later(Link& link, const Error& why) {
  last_error_ = why;
  const Duration most = any_usable() ? kMaxIdleBackoff : kMaxBackoff;
  link.backoff = link.backoff == Duration::zero() ? kFirstBackoff : std::min(link.backoff * 2, most);
  attempt_at(link, context().now() + link.backoff);
}

void Client::attempt_at(Link& link, TimePoint at) {
  link.next_attempt = std::max(at, link.opened + link.pause);
  context().set_timer({link.next_attempt, TimerQueue::Kind::kClient, id_, 0});
}

// A connection that is lost is tried again at once. But a service that ends each of them as soon as it is open is not
// to keep this process busy for ever.
void Client::note_opened(Link& link) const {
  const TimePoint now = context().now();
  const bool again_so_soon = link.found && now - link.opened < 2 * kMaxBackoff;
  link.pause = again_so_soon ? std::clamp(2 * link.pause, kFirstBackoff, kMaxBackoff) : Duration::zero();
  link.opened = now;
}

Client::Link* Client::link_of(const Connection& connection) {
  const auto found =
      std::find_if(links_.begin(), links_.end(), [&](const Link& link) { return link.connection == &connection; });
  return found == links_.end() ? nullptr : &*found;
}

bool Client::any_usable() const {
  return std::any_of(links_.begin(), links_.end(), [](const Link& link) { return link.usable; });
}

Status Client::judge(Connection& connection, const Hello&) {
  const Link* link = link_of(connection);
  const bool needs_shm = link != nullptr && link->address.shared_memory() == SharedMemory::kRequired;
  if (needs_shm && connection.fallback().code != Code::kOk) {
    const Error& why = connection.fallback();
    return Error{why.code, link->address.text + " asks for shared memory, which cannot be had: " + why.message};
  }
  return {};
}

void Client::on_open(Connection& connection) {
  Link* link = link_of(connection);
  if (link == nullptr) return;
  note_opened(*link);
  link->usable = link->found = true;
  if (link->member == 0) {
    leave_out_members(*link);
  } else {
    link->base->found = true;
  }
  link->backoff = Duration::zero();
  map_methods(*link);
  connect_until_ = kNever;
  const bool offers_others = note_methods(connection.peer_hello().methods);
  // Whoever sees this waits for the lock before it can ask for the methods.
  generation_->fetch_add(1, std::memory_order_release);
  if (state_ == ClientState::kReady && offers_others) post_state(nullptr);
  set_state(ClientState::kReady, nullptr);
  send_queued();
}

// After a GOAWAY this side closes, when its last call has been answered: then the service can tell that
// nothing is on its way to it any more.
void Client::leave_if_done(Connection& connection) {
  const bool leaving = std::find(leaving_.begin(), leaving_.end(), &connection) != leaving_.end();
  const Session& session = connection.session();
  if (leaving && session.pending_calls() == 0 && session.inbound_calls() == 0 && session.open_streams() == 0) {
    connection.close(CloseReason::goodbye());
  }
}

void Client::on_goaway(Session& session) {
  Connection& connection = *context().connection(session.number());
  Link* link = link_of(connection);
  if (link == nullptr) return;
  // Calls in flight go on; new ones go elsewhere, or to whoever serves here next.
  leaving_.push_back(link->connection);
  link->connection = nullptr;
  link->usable = false;
  within_memory([&] {
    leave_if_done(connection);
    if (state_ == ClientState::kClosed) return;
    if (!any_usable()) {
      resume(CloseReason::goodbye().message());
    } else {
      attempt_at(*link, context().now() + kFirstBackoff);
    }
  });
}

void Client::on_closed(Connection& connection, const CloseReason& why) {
  --connections_;
  if (state_ == ClientState::kClosed) context().note_end();
  std::erase(leaving_, &connection);
  within_memory([&] {
    fail_reference_calls(connection.id(), why.message());
    if (Link* link = link_of(connection)) {
      const bool is_foreign = !connection.has_greeted() && why.kind() == CloseReason::Kind::kPeerViolation;
      lose(*link, is_foreign ? CloseReason::peer_foreign(link->address.text) : why);
    }
    move_on(why);
  });
}

// Calls that a connection may have left to be sent again: another may be idle, or the time to connect over.
void Client::move_on(const CloseReason& why) {
  if (queued_calls_ == 0 || state_ == ClientState::kClosed) return;
  if (state_ == ClientState::kDisconnected) {
    resume(why.message());
  } else if (any_usable()) {
    send_queued();
  } else {
    fail_impatient(why.message());
  }
}

void Client::lose(Link& link, const CloseReason& why) {
  const bool was_usable = std::exchange(link.usable, false);
  link.connection = nullptr;
  if (state_ == ClientState::kClosed || state_ == ClientState::kDisconnected) return;
  last_error_ = why.error();
  if (is_of_accepted_) {
    set_state(ClientState::kClosed, &last_error_);
    fail_queued(Code::kUnavailable, why.message());
    return;
  }
  if (was_usable && !any_usable()) {
    resume(why.message());
  } else if (!was_usable && is_lasting(why.error()) && !any_usable()) {
    give_up(why.error());
  } else {
    retry_later(link, why.error());
  }
}

}  // namespace ipcbridge
