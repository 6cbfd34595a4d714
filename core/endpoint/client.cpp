#include "core/endpoint/client.hpp"

#include <algorithm>
#include <utility>

namespace ipcbridge {
namespace {

constexpr Duration kFirstBackoff = std::chrono::milliseconds(2);
constexpr Duration kMaxBackoff = std::chrono::milliseconds(100);
// While another address of the list serves, nobody waits for this one.
constexpr Duration kMaxIdleBackoff = std::chrono::seconds(5);

// How long calls are kept for a connection whose handshake goes on while another is open. A service that is stopped
// accepts and says nothing.
constexpr Duration kShareWait = std::chrono::milliseconds(20);

// Names come from whoever calls, and stay: of those that nothing is known of, only so many.
constexpr std::size_t kMostGuesses = 1024;

constexpr const char* kClosing = "the service is closing";

std::string milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + " ms";
}

// Trying again will not help against these.
bool is_final(Code code) {
  return code == Code::kFailedPrecondition || code == Code::kPermissionDenied || code == Code::kInvalidArgument ||
         code == Code::kUnauthenticated;
}

}  // namespace

Client::Client(Context& context, ClientId id, const ConnectOptions& options, std::vector<Address> addresses)
    : context_(context), id_(id), options_(options), admission_(context.known_ids(), options.allow) {
  for (Address& address : addresses) links_.emplace_back().address = std::move(address);
}

void Client::start() {
  const TimePoint now = Clock::now();
  patience_ = deadline_after(now, options_.connect_timeout);
  context_.set_timer({patience_, TimerQueue::Kind::kClient, id_, 0});
  for (Link& link : links_) attempt(link);
}

void Client::attempt(Link& link) {
  link.next_attempt = kNever;
  if (state_ == ClientState::kClosed || link.connection != nullptr || link.dial) return;
  // The directory of names may have become another since.
  Result<std::string> path = link.address.locate();
  if (!path.ok()) {
    fail_attempt(link, path.error());
    return;
  }
  link.address.path = std::move(path).value();
  link.dial = context_.dial(link.address, *this);
  link.dial_until = kNever;
  advance(link);
}

void Client::advance(Link& link) {
  std::optional<Connector::Outcome> outcome = link.dial->advance();
  if (!outcome) {
    if (link.dial_until != kNever) return;
    link.dial_until = Clock::now() + context_.options().handshake_timeout;
    context_.set_timer({link.dial_until, TimerQueue::Kind::kClient, id_, 0});
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
  setup.hello.nonce = context_.nonce();
  if (link.address.named) setup.hello.service = link.address.text;
  if (link.address.shared_memory() != SharedMemory::kNone) setup.ring_bytes = context_.options().ring_bytes;
  link.connection = context_.open_connection(std::move(channel), Session::Side::kConnector, *this, setup);
  if (link.connection == nullptr) {
    retry_later(link, {Code::kResourceExhausted, "cannot watch another descriptor"});
    return;
  }
  ++connections_;
  if (links_.size() > 1) {
    link.expected_until = Clock::now() + kShareWait;
    context_.set_timer({link.expected_until, TimerQueue::Kind::kClient, id_, 0});
  }
  link.connection->start();
}

// The attempt has come to nothing, before there was a connection.
void Client::fail_attempt(Link& link, const Error& why) {
  last_error_ = why;
  if (is_final(why.code) && !any_usable()) {
    give_up(why);
  } else {
    retry_later(link, why);
  }
}

void Client::retry_later(Link& link, const Error& why) {
  last_error_ = why;
  const Duration most = any_usable() ? kMaxIdleBackoff : kMaxBackoff;
  link.backoff = link.backoff == Duration::zero() ? kFirstBackoff : std::min(link.backoff * 2, most);
  attempt_at(link, Clock::now() + link.backoff);
}

void Client::attempt_at(Link& link, TimePoint at) {
  link.next_attempt = std::max(at, link.opened + link.pause);
  context_.set_timer({link.next_attempt, TimerQueue::Kind::kClient, id_, 0});
}

// A connection that is lost is tried again at once. But a service that ends each of them as soon as it is open is not
// to keep this process busy for ever.
void Client::note_opened(Link& link) {
  const TimePoint now = Clock::now();
  const bool again_so_soon = link.found && now - link.opened < 2 * kMaxBackoff;
  link.pause = again_so_soon ? std::clamp(2 * link.pause, kFirstBackoff, kMaxBackoff) : Duration::zero();
  link.opened = now;
}

void Client::on_timer(TimePoint now) {
  if (state_ == ClientState::kClosed || state_ == ClientState::kDisconnected) return;
  // A timeout of zero means to try once, and a handshake that has begun is part of the try.
  const bool trying =
      options_.connect_timeout == Duration::zero() && std::any_of(links_.begin(), links_.end(), [](const Link& link) {
        const bool untried = link.next_attempt != kNever && link.backoff == Duration::zero();
        return link.connection != nullptr || link.dial || untried;
      });
  if (!any_usable() && now >= patience_ && !trying) {
    Error why = last_error_;
    if (!is_final(why.code)) {
      // What is short here may be there again; calls that wait for a lost connection are told what can be done: call
      // again.
      const bool scarce = why.code == Code::kResourceExhausted && state_ == ClientState::kConnecting;
      why = {scarce ? why.code : Code::kUnavailable,
             "no service at " + where() + " within " + milliseconds(options_.connect_timeout) +
                 (last_error_.message.empty() ? "" : " (" + last_error_.message + ")")};
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
}

bool Client::awaits_timer() const {
  if (state_ == ClientState::kClosed || state_ == ClientState::kDisconnected) return false;
  return state_ != ClientState::kReady || std::any_of(links_.begin(), links_.end(), [this](const Link& link) {
           const bool being_made = link.connection != nullptr && !link.usable;
           return link.next_attempt != kNever || link.dial || (being_made && queued_calls_ != 0);
         });
}

std::string Client::where() const {
  std::string text;
  for (const Link& link : links_) {
    if (!text.empty()) text += ", ";
    text += link.address.text;
    if (link.address.named) text += " (looked for as " + link.address.path + ")";
  }
  return text;
}

// Nobody was found. The first connection has then failed for good; a later one is tried again by the next call.
void Client::give_up(const Error& why) {
  const bool first = state_ == ClientState::kConnecting;
  patience_ = kNever;
  set_state(first ? ClientState::kClosed : ClientState::kDisconnected, &why);
  fail_queued(why.code, why.message);
  for (Link& link : links_) {
    link.next_attempt = kNever;
    link.dial.reset();
    if (Connection* connection = std::exchange(link.connection, nullptr)) connection->close(why);
  }
}

// The connection was lost, or (empty) somebody wants to call: patience begins anew.
void Client::resume(const std::string& why_lost) {
  const TimePoint now = Clock::now();
  patience_ = deadline_after(now, options_.connect_timeout);
  context_.set_timer({patience_, TimerQueue::Kind::kClient, id_, 0});
  const Error why{Code::kUnavailable, why_lost};
  set_state(ClientState::kReconnecting, why_lost.empty() ? nullptr : &why);
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
  if (state == ClientState::kClosed) context_.note_end();
  post_state(why);
}

void Client::post_state(const Error* why) {
  ClientStateEvent event{id_, state_, Code::kOk, {}};
  if (why != nullptr) {
    event.code = why->code;
    event.message = why->message;
  }
  if (!context_.post(event)) state_untold_ = true;
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
    if (Connection* connection = std::exchange(link.connection, nullptr)) connection->close(why);
  }
  for (Connection* connection : std::exchange(leaving_, {})) connection->close(why);
}

Client::Link* Client::link_of(const Connection& connection) {
  const auto found =
      std::find_if(links_.begin(), links_.end(), [&](const Link& link) { return link.connection == &connection; });
  return found == links_.end() ? nullptr : &*found;
}

bool Client::any_usable() const {
  return std::any_of(links_.begin(), links_.end(), [](const Link& link) { return link.usable; });
}

// The least busy connection that offers the method; of equals the next in turn.
Client::Link* Client::pick(std::uint32_t method, const std::vector<const Link*>& full) {
  if (full.size() == links_.size()) return nullptr;
  if (links_.size() == 1) return links_[0].usable ? &links_[0] : nullptr;
  const std::size_t share = fair_share();
  Link* best = nullptr;
  std::size_t best_at = 0;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const std::size_t at = (next_link_ + i) % links_.size();
    Link& link = links_[at];
    if (!link.usable || link.remote[method] == kNotOffered) continue;
    if (std::find(full.begin(), full.end(), &link) != full.end()) continue;
    if (link.connection->session().pending_calls() >= share) continue;
    if (best != nullptr && link.connection->session().pending_calls() >= best->connection->session().pending_calls()) {
      continue;
    }
    best = &link;
    best_at = at;
  }
  if (best != nullptr) next_link_ = best_at + 1;
  return best;
}

// The first connection to open is not to get all that has waited for the first few.
std::size_t Client::fair_share() const {
  constexpr std::size_t kAnyNumber = ~std::size_t{0};
  TimePoint now = kNever;
  std::size_t calls = queued_calls_;
  std::size_t open = 0;
  std::size_t opening = 0;
  for (const Link& link : links_) {
    if (link.usable) {
      ++open;
      calls += link.connection->session().pending_calls();
    } else if (link.connection != nullptr) {
      if (now == kNever) now = Clock::now();
      if (now < link.expected_until) ++opening;
    }
  }
  if (opening == 0) return kAnyNumber;
  const std::size_t takers = open + opening;
  return std::max<std::size_t>(1, (calls + takers - 1) / takers);
}

std::uint32_t Client::intern_method(std::string_view name) {
  const auto [at, is_new] = numbers_.try_emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
  if (is_new) {
    names_.emplace_back(name);
    for (Link& link : links_) {
      if (link.usable) link.remote.push_back(link.connection->find_method(name).value_or(kNotOffered));
    }
  }
  return at->second;
}

Result<std::uint32_t> Client::find_method(std::string_view name) {
  if (const auto found = numbers_.find(std::string(name)); found != numbers_.end()) return found->second;
  if (offers(name)) return intern_method(name);
  if (any_usable()) return not_offered(name);
  if (guesses_ == kMostGuesses) {
    return Error{Code::kUnavailable, std::string(name) + "() could not be sent: there is no connection to " + where() +
                                         ", and too many methods that it did not offer wait for one already"};
  }
  ++guesses_;
  return intern_method(name);
}

// Now, or when the service was last heard of.
bool Client::offers(std::string_view name) const {
  const auto offered_by = [name](const Link& link) { return link.usable && link.connection->find_method(name); };
  return std::any_of(links_.begin(), links_.end(), offered_by) ||
         std::find(methods_.begin(), methods_.end(), name) != methods_.end();
}

void Client::map_methods(Link& link) {
  link.remote.clear();
  for (const std::string& name : names_) {
    link.remote.push_back(link.connection->find_method(name).value_or(kNotOffered));
  }
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
  link->backoff = Duration::zero();
  map_methods(*link);
  patience_ = kNever;
  const bool offers_others = std::exchange(methods_, connection.peer_hello().methods) != methods_;
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
  if (leaving && connection.session().pending_calls() == 0) connection.close({Code::kUnavailable, kClosing});
}

void Client::on_goaway(Session& session) {
  Connection& connection = *context_.connection(session.number());
  Link* link = link_of(connection);
  if (link == nullptr) return;
  // Calls in flight go on; new ones go elsewhere, or to whoever serves here next.
  link->usable = false;
  leaving_.push_back(std::exchange(link->connection, nullptr));
  leave_if_done(connection);
  if (state_ == ClientState::kClosed) return;
  if (!any_usable()) {
    resume(kClosing);
  } else {
    attempt_at(*link, Clock::now() + kFirstBackoff);
  }
}

void Client::on_closed(Connection& connection, const Error& why) {
  --connections_;
  if (state_ == ClientState::kClosed) context_.note_end();
  std::erase(leaving_, &connection);
  if (Link* link = link_of(connection)) lose(*link, why);
  // Calls that it may have left to be sent again: another connection may be idle, or patience over.
  if (queued_calls_ == 0 || state_ == ClientState::kClosed) return;
  if (state_ == ClientState::kDisconnected) {
    resume(why.message);
  } else if (any_usable()) {
    send_queued();
  } else {
    fail_impatient(why.message);
  }
}

void Client::lose(Link& link, const Error& why) {
  const bool was_usable = std::exchange(link.usable, false);
  link.connection = nullptr;
  last_error_ = why;
  if (state_ == ClientState::kClosed || state_ == ClientState::kDisconnected) return;
  if (was_usable && !any_usable()) {
    resume(why.message);
  } else if (!was_usable && is_final(why.code) && !any_usable()) {
    give_up(why);
  } else {
    retry_later(link, why);
  }
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
  status.state = state_of(link);
  if (!link.usable) return status;
  const Channel& channel = link.connection->channel();
  status.transport = channel.transport();
  status.fallback_reason = link.connection->fallback().message;
  status.peer = channel.peer();
  status.unread_bytes = channel.unread();
  status.busy = link.connection->peer_activity();
  return status;
}

ClientStatus Client::status() const {
  ClientStatus status;
  status.state = state_;
  status.queued_calls = queued_calls_;
  status.queued_bytes = queued_bytes_;
  status.dropped_notifications = dropped_notifications_;
  for (const Link& link : links_) {
    status.add(status_of(link));
    if (link.usable) status.pending_calls += link.connection->session().pending_calls();
  }
  return status;
}

}  // namespace ipcbridge
