#include "core/endpoint/client.hpp"

#include <algorithm>
#include <utility>

#include "core/naming/members.hpp"

namespace ipcbridge {
namespace {

std::string milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + " ms";
}

}  // namespace

Client::Client(Context& context, ClientId id, const ConnectOptions& options, std::vector<Address> addresses,
               Server* callee)
    : ConnectionOwner(context),
      id_(id),
      state_(options.lazy ? ClientState::kDisconnected : ClientState::kConnecting),
      options_(options),
      callee_(callee),
      admission_(context.known_ids(), options.allow) {
  for (Address& address : addresses) links_.emplace_back().address = std::move(address);
}

void Client::start() {
  if (options_.lazy) return;
  const TimePoint now = context().now();
  connect_until_ = deadline_after(now, options_.connect_timeout);
  context().set_timer({connect_until_, TimerQueue::Kind::kClient, id_, 0});
  for (Link& link : links_) attempt(link);
}

// Trying again will not help against these.
bool Client::is_lasting(const Error& why) {
  return why.code == Code::kFailedPrecondition || why.code == Code::kPermissionDenied ||
         why.code == Code::kInvalidArgument || why.code == Code::kUnauthenticated;
}

void Client::on_timer(TimePoint now) {
  if (state_ == ClientState::kClosed || state_ == ClientState::kDisconnected) return;
  within_memory([&] { maintain_links(now); });
}

void Client::maintain_links(TimePoint now) {
  // The connection was lost, and there was no memory to say so.
  if (state_ == ClientState::kReady && !any_usable()) resume(last_error_.message);
  // A timeout of zero means to try once, and a handshake that has begun is part of the try.
  const bool trying =
      options_.connect_timeout == Duration::zero() && std::any_of(links_.begin(), links_.end(), [](const Link& link) {
        const bool untried = link.next_attempt != kNever && link.backoff == Duration::zero();
        return link.connection != nullptr || link.dial || untried;
      });
  if (!any_usable() && now >= connect_until_ && !trying) {
    Error why = last_error_;
    if (!is_lasting(why)) {
      // What is short here may be there again; calls that wait for a lost connection are told what can be done: call
      // again.
      const bool scarce = why.code == Code::kResourceExhausted && state_ == ClientState::kConnecting;
      const std::string patience = " within " + milliseconds(options_.connect_timeout);
      why = scarce ? Error{why.code, "could not connect to " + where() + patience + " (" + why.message + ")"}
                   : Error{Code::kUnavailable, "no service at " + where() + patience + why_nobody()};
    }
    give_up(why);
    return;
  }
  for (Link& link : links_) {
    if (link.dial && link.dial_until <= now) {
      link.dial.reset();
      fail_attempt(link, {Code::kUnavailable, "nobody answers at " + link.address.text});
    }
    if (link.next_attempt <= now) attempt(link);
    if (state_ == ClientState::kClosed) return;
  }
  send_queued();  // what was kept for a connection that does not open
  sweep_links();
}

bool Client::awaits_timer() const {
  if (state_ == ClientState::kClosed || state_ == ClientState::kDisconnected) return false;
  return state_ != ClientState::kReady || std::any_of(links_.begin(), links_.end(), [this](const Link& link) {
           const bool being_made = link.connection != nullptr && !link.usable;
           return link.next_attempt != kNever || link.dial || (being_made && queued_calls_ != 0);
         });
}

// In parentheses, if anything is known.
std::string Client::why_nobody() const {
  const bool is_silent =
      std::any_of(links_.begin(), links_.end(), [](const Link& link) { return link.connection != nullptr; });
  const std::string why = is_silent ? kSilent : last_error_.message;
  return why.empty() ? "" : " (" + why + ")";
}

std::string Client::where() const {
  std::string text;
  for (const Link& link : links_) {
    if (link.member != 0) continue;
    if (!text.empty()) text += ", ";
    text += link.address.text;
    if (link.address.named) text += " (looked for as " + link.address.path + ")";
  }
  return text;
}

// Nobody was found. The connection that connect() waits for has then failed for good; any other is tried again by the
// next call.
void Client::give_up(const Error& why) {
  const bool first = state_ == ClientState::kConnecting && !options_.lazy;
  connect_until_ = kNever;
  set_state(first ? ClientState::kClosed : ClientState::kDisconnected, &why);
  fail_queued(why.code, why.message);
  for (Link& link : links_) {
    link.next_attempt = kNever;
    link.dial.reset();
    if (Connection* connection = std::exchange(link.connection, nullptr)) connection->close(CloseReason::owner(why));
  }
}

// The connection was lost, or (empty) somebody wants to call: connect_timeout begins anew.
void Client::resume(const std::string& why_lost) {
  const TimePoint now = context().now();
  connect_until_ = deadline_after(now, options_.connect_timeout);
  context().set_timer({connect_until_, TimerQueue::Kind::kClient, id_, 0});
  const Error why{Code::kUnavailable, why_lost};
  const bool found = std::any_of(links_.begin(), links_.end(), [](const Link& link) { return link.found; });
  set_state(found ? ClientState::kReconnecting : ClientState::kConnecting, why_lost.empty() ? nullptr : &why);
  fail_impatient(why_lost);
  for (Link& link : links_) {
    link.backoff = Duration::zero();
    // By timer and not at once: a call is being made, and what an attempt finds out may end that call.
    attempt_at(link, now);
  }
}

void Client::set_state(ClientState state, const Error* why) {
  if (state_ == state) return;
  state_ = state;
  if (state == ClientState::kClosed) context().note_end();
  post_state(why);
}

void Client::post_state(const Error* why) {
  ClientStateEvent event{id_, state_, Code::kOk, {}};
  if (why != nullptr) {
    event.code = why->code;
    event.message = why->message;
  }
  if (!context().post(event)) state_unposted_ = true;
}

void Client::close() {
  if (state_ == ClientState::kClosed) return;
  const Error why{Code::kCancelled, "the client was closed"};
  std::vector<std::uint64_t> tokens;
  calls_.for_each([&](std::uint64_t token, Call&) { tokens.push_back(token); });
  for (const std::uint64_t token : tokens) {
    const Call& call = *calls_.find(token);
    const bool sent = !call.notify && withdraw(call);  // a notification that was sent is to run
    fail(token, why.code, why.message, sent);
  }
  set_state(ClientState::kClosed, &why);
  for (Link& link : links_) {
    link.usable = false;
    link.dial.reset();
    if (Connection* connection = std::exchange(link.connection, nullptr)) connection->close(CloseReason::owner(why));
  }
  for (Connection* connection : std::exchange(leaving_, {})) connection->close(CloseReason::owner(why));
}

ClientState Client::state_of(const Link& link) const {
  if (link.usable) return ClientState::kReady;
  // While another address of the list serves, this one is being looked for all the same.
  if (state_ != ClientState::kReady && state_ != ClientState::kReconnecting) return state_;
  return link.found ? ClientState::kReconnecting : ClientState::kConnecting;
}

LinkStatus Client::status_of(const Link& link) const {
  LinkStatus status;
  status.address = link.address.text;
  if (link.member != 0) status.address += member_suffix(link.member);
  status.state = state_of(link);
  if (!link.usable) return status;
  const Channel& channel = link.connection->channel();
  status.transport = channel.transport();
  status.fallback_reason = link.connection->fallback().message;
  status.peer = channel.peer();
  status.unread_bytes = channel.unread();
  status.busy = link.connection->peer_activity();
  const Session& session = link.connection->session();
  status.streams.add(session.stream_activity(), context().now());
  status.running_calls = session.inbound_calls();
  return status;
}

ClientStatus Client::status() const {
  ClientStatus status;
  status.state = state_;
  status.queued_calls = queued_calls_;
  status.queued_bytes = queued_bytes_;
  status.dropped_notifications = dropped_notifications_;
  for (const Link& link : links_) {
    if (link.member == 0) status.add_address(link.address.text);
    if (is_shown(link)) status.add(status_of(link));
    if (link.usable) status.pending_calls += link.connection->session().pending_calls();
  }
  return status;
}

}  // namespace ipcbridge
