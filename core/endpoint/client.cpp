#include "core/endpoint/client.hpp"

#include <algorithm>
#include <utility>

#include "core/endpoint/connector.hpp"
#include "core/endpoint/near_matches.hpp"

namespace ipcbridge {
namespace {

constexpr Duration kFirstBackoff = std::chrono::milliseconds(2);
constexpr Duration kMaxBackoff = std::chrono::milliseconds(100);
// While another address of the list serves, nobody waits for this one.
constexpr Duration kMaxIdleBackoff = std::chrono::seconds(5);

// What a queued call costs besides its bytes, so that empty calls do not queue without bound either.
constexpr std::uint64_t kQueuedOverhead = 128;

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
    : context_(context), id_(id), options_(options) {
  for (Address& address : addresses) links_.push_back(Link{std::move(address), nullptr, false, {}, {}, kNever});
}

void Client::start() {
  const TimePoint now = Clock::now();
  patience_ = deadline_after(now, options_.connect_timeout);
  context_.set_timer({patience_, TimerQueue::Kind::kClient, id_, 0});
  for (Link& link : links_) attempt(link);
}

void Client::attempt(Link& link) {
  link.next_attempt = kNever;
  if (state_ == ClientState::kClosed || link.connection != nullptr) return;
  Result<std::unique_ptr<Channel>> channel = open_channel(context_.system(), link.address, options_.allow);
  if (!channel.ok()) {
    last_error_ = channel.error();
    if (is_final(last_error_.code) && !any_usable()) {
      give_up(last_error_);
    } else {
      retry_later(link, last_error_);
    }
    return;
  }
  ConnectionSetup setup;
  setup.hello.limits = options_.limits;
  setup.hello.nonce = context_.nonce();
  if (link.address.named) setup.hello.service = link.address.text;
  if (link.address.transport == Transport::kAuto || link.address.transport == Transport::kShm) {
    setup.ring_bytes = context_.options().ring_bytes;
  }
  link.connection = context_.open_connection(std::move(channel).value(), Session::Side::kConnector, *this, setup);
  if (link.connection == nullptr) {
    retry_later(link, {Code::kResourceExhausted, "cannot watch another descriptor"});
    return;
  }
  ++connections_;
  link.connection->start();
}

void Client::retry_later(Link& link, const Error& why) {
  last_error_ = why;
  const Duration most = any_usable() ? kMaxIdleBackoff : kMaxBackoff;
  link.backoff = link.backoff == Duration::zero() ? kFirstBackoff : std::min(link.backoff * 2, most);
  link.next_attempt = Clock::now() + link.backoff;
  context_.set_timer({link.next_attempt, TimerQueue::Kind::kClient, id_, 0});
}

void Client::on_timer(TimePoint now) {
  if (state_ == ClientState::kClosed || state_ == ClientState::kDisconnected) return;
  // A timeout of zero means to try once, and a handshake that has begun is part of the try.
  const bool trying =
      options_.connect_timeout == Duration::zero() &&
      std::any_of(links_.begin(), links_.end(), [](const Link& link) { return link.connection != nullptr; });
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
    if (link.next_attempt <= now) attempt(link);
    if (state_ == ClientState::kClosed) return;
  }
}

bool Client::awaits_timer() const {
  if (state_ == ClientState::kClosed || state_ == ClientState::kDisconnected) return false;
  return state_ != ClientState::kReady ||
         std::any_of(links_.begin(), links_.end(), [](const Link& link) { return link.next_attempt != kNever; });
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
    if (Connection* connection = std::exchange(link.connection, nullptr)) connection->close(why);
  }
}

// Somebody wants to call: patience begins anew.
void Client::resume() {
  const TimePoint now = Clock::now();
  patience_ = deadline_after(now, options_.connect_timeout);
  context_.set_timer({patience_, TimerQueue::Kind::kClient, id_, 0});
  set_state(ClientState::kReconnecting, nullptr);
  for (Link& link : links_) {
    link.backoff = Duration::zero();
    link.next_attempt = now;
  }
  // By timer and not at once: a call is being made, and what an attempt finds out may end that call.
  context_.set_timer({now, TimerQueue::Kind::kClient, id_, 0});
}

void Client::set_state(ClientState state, const Error* why) {
  if (state_ == state) return;
  state_ = state;
  context_.post(state_change(Event::Kind::kClientState, id_, static_cast<std::uint8_t>(state), why));
}

void Client::close() {
  if (state_ == ClientState::kClosed) return;
  const Error why{Code::kCancelled, "the client was closed"};
  std::vector<std::uint64_t> tokens;
  calls_.for_each([&](std::uint64_t token, Call&) { tokens.push_back(token); });
  for (const std::uint64_t token : tokens) {
    Call* call = calls_.find(token);
    if (Connection* connection = context_.connection(call->connection)) connection->session().cancel(call->id);
    fail(token, why.code, why.message, call->connection != 0);
  }
  set_state(ClientState::kClosed, &why);
  for (Link& link : links_) {
    link.usable = false;
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
Client::Link* Client::pick(std::uint32_t method) {
  if (links_.size() == 1) return links_[0].usable ? &links_[0] : nullptr;
  Link* best = nullptr;
  std::size_t best_at = 0;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const std::size_t at = (next_link_ + i) % links_.size();
    Link& link = links_[at];
    if (!link.usable || link.remote[method] == kNotOffered) continue;
    if (best != nullptr && link.connection->session().pending_calls() >= best->connection->session().pending_calls()) {
      continue;
    }
    best = &link;
    best_at = at;
  }
  if (best != nullptr) next_link_ = best_at + 1;
  return best;
}

std::uint32_t Client::intern_method(std::string_view name) {
  const auto [at, is_new] = numbers_.try_emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
  if (is_new) {
    names_.emplace_back(name);
    for (Link& link : links_) {
      if (link.usable) map_methods(link);
    }
  }
  return at->second;
}

void Client::map_methods(Link& link) {
  const std::vector<std::string>& offered = link.connection->peer_hello().methods;
  link.remote.assign(names_.size(), kNotOffered);
  for (std::uint32_t number = 0; number < offered.size(); ++number) {
    const auto found = numbers_.find(offered[number]);
    if (found != numbers_.end()) link.remote[found->second] = number;
  }
}

Status Client::check_offered(std::uint32_t method) const {
  const bool offered = std::any_of(links_.begin(), links_.end(),
                                   [&](const Link& link) { return link.usable && link.remote[method] != kNotOffered; });
  if (offered) return {};
  const std::string& name = names_[method];
  return Error{Code::kUnimplemented, "the service has no method '" + name + "'" + did_you_mean(name, methods_)};
}

Status Client::call(std::uint64_t token, std::uint32_t method, const CallOptions& options, ConstBytes metadata,
                    ConstBytes payload) {
  if (state_ == ClientState::kClosed) return Error{Code::kFailedPrecondition, "the client is closed"};
  if (method >= names_.size()) return Error{Code::kInvalidArgument, "no such method number"};
  const bool connected = any_usable();
  if (connected) {
    if (Status status = check_offered(method); !status.ok()) return status;
  } else if (!options.wait_for_ready) {
    return Error{Code::kUnavailable, "there is no connection to " + where()};
  }
  Call call;
  call.method = method;
  call.notify = options.notify;
  call.idempotent = options.idempotent;
  call.wait_for_ready = options.wait_for_ready;
  if (options.timeout) {
    if (*options.timeout <= Duration::zero()) return Error{Code::kDeadlineExceeded, "the timeout is zero"};
    call.deadline = deadline_after(Clock::now(), *options.timeout);
  }
  if (options.notify) token = next_notification_++;
  const TimePoint deadline = call.deadline;
  Link* link = connected && queued_calls_ == 0 ? pick(method) : nullptr;
  Result<bool> sent = link == nullptr ? Result<bool>(false) : try_send(token, call, *link, metadata, payload);
  if (!sent.ok()) return sent.error();
  if (sent.value()) {
    if (call.idempotent)
      call.saved = std::make_unique<Saved>(Saved{{metadata.begin(), metadata.end()}, {payload.begin(), payload.end()}});
    calls_.insert(token, std::move(call));
  } else {
    if (queued_bytes_ + payload.size() + metadata.size() + kQueuedOverhead > options_.max_queued_bytes) {
      return Error{Code::kResourceExhausted,
                   "the calls that wait to be sent exceed " + std::to_string(options_.max_queued_bytes) + " bytes"};
    }
    enqueue(token, std::move(call), metadata, payload);
    if (state_ == ClientState::kDisconnected) resume();
  }
  if (deadline != kNever) context_.set_timer({deadline, TimerQueue::Kind::kCall, id_, token});
  return {};
}

Result<bool> Client::try_send(std::uint64_t token, Call& call, Link& link, ConstBytes metadata, ConstBytes payload) {
  Request request;
  request.method = link.remote[call.method];
  request.notify = call.notify;
  request.metadata = metadata;
  request.payload = payload;
  if (call.deadline != kNever) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(call.deadline - Clock::now()).count();
    request.timeout_us = static_cast<std::uint64_t>(std::max<std::int64_t>(1, left));
  }
  Result<std::uint64_t> id = link.connection->session().call(token, request);
  if (!id.ok()) return id.error();
  if (id.value() == 0) return false;
  call.connection = link.connection->id();
  call.id = id.value();
  context_.awake().add(*link.connection);
  link.connection->update_interest();
  return true;
}

void Client::enqueue(std::uint64_t token, Call call, ConstBytes metadata, ConstBytes payload) {
  if (!call.saved) {
    call.saved = std::make_unique<Saved>(Saved{{metadata.begin(), metadata.end()}, {payload.begin(), payload.end()}});
  }
  call.connection = 0;
  ++queued_calls_;
  queued_bytes_ += call.saved->metadata.size() + call.saved->payload.size() + kQueuedOverhead;
  calls_.insert(token, std::move(call));
  queue_.push_back(token);
}

// A call whose connection was lost, and which may be sent over the next.
void Client::enqueue_again(std::uint64_t token, ConstBytes metadata, ConstBytes payload) {
  Call call = std::move(*calls_.find(token));
  calls_.erase(token);
  enqueue(token, std::move(call), metadata, payload);
}

// Takes the call's share out of what is queued.
void Client::forget(std::uint64_t token, const Call& call) {
  if (call.connection == 0) {
    --queued_calls_;
    queued_bytes_ -= call.saved->metadata.size() + call.saved->payload.size() + kQueuedOverhead;
  }
  calls_.erase(token);
  // Those who cancel while nobody is there to send to must not leave a trail.
  constexpr std::size_t kWorthSweeping = 1024;
  if (queue_.size() > kWorthSweeping + 2 * queued_calls_) {
    std::erase_if(queue_, [this](std::uint64_t queued) {
      const Call* waiting = calls_.find(queued);
      return waiting == nullptr || waiting->connection != 0;
    });
  }
}

void Client::send_queued() {
  while (!queue_.empty()) {
    const std::uint64_t token = queue_.front();
    Call* call = calls_.find(token);
    if (call == nullptr || call->connection != 0) {
      queue_.pop_front();
      continue;
    }
    if (!any_usable()) return;
    if (Status offered = check_offered(call->method); !offered.ok()) {
      queue_.pop_front();
      fail(token, offered.error().code, offered.error().message, false);
      continue;
    }
    const std::uint64_t bytes = call->saved->metadata.size() + call->saved->payload.size() + kQueuedOverhead;
    Link* link = pick(call->method);
    if (link == nullptr) return;
    Result<bool> sent = try_send(token, *call, *link, call->saved->metadata, call->saved->payload);
    if (!sent.ok()) {
      queue_.pop_front();
      fail(token, sent.error().code, sent.error().message, false);
      continue;
    }
    if (!sent.value()) return;
    queue_.pop_front();
    --queued_calls_;
    queued_bytes_ -= bytes;
    if (!call->idempotent) call->saved.reset();
  }
}

void Client::cancel(std::uint64_t token) {
  const Call* call = calls_.find(token);
  if (call == nullptr) return;
  if (Connection* connection = context_.connection(call->connection)) {
    connection->session().cancel(call->id);
    connection->update_interest();
  }
  forget(token, *call);
}

void Client::finish(std::uint64_t token, const Outcome& outcome, Buffer* storage) {
  const Call* call = calls_.find(token);
  if (call == nullptr) return;
  const bool notify = call->notify;
  forget(token, *call);
  if (notify) return;
  Event event;
  event.kind = Event::Kind::kOutcome;
  event.owner = id_;
  event.token = token;
  event.outcome = outcome;
  event.storage = storage;
  if (outcome.remote) {
    context_.emit(event);
  } else {
    context_.post(event);
  }
}

void Client::fail(std::uint64_t token, Code code, std::string_view message, bool sent_maybe) {
  Outcome outcome;
  outcome.code = code;
  outcome.message = message;
  outcome.sent_maybe = sent_maybe;
  finish(token, outcome, nullptr);
}

void Client::fail_queued(Code code, std::string_view message) {
  std::deque<std::uint64_t> tokens;
  tokens.swap(queue_);
  for (const std::uint64_t token : tokens) {
    const Call* call = calls_.find(token);
    if (call != nullptr && call->connection == 0) fail(token, code, message, false);
  }
}

void Client::on_call_deadline(std::uint64_t token, TimePoint now) {
  const Call* call = calls_.find(token);
  if (call == nullptr || call->deadline > now) return;
  const bool sent = call->connection != 0;
  if (Connection* connection = context_.connection(call->connection)) {
    connection->session().cancel(call->id);
    connection->update_interest();
  }
  fail(token, Code::kDeadlineExceeded,
       sent ? "the call was not answered before its deadline" : "the call could not be sent before its deadline", sent);
}

Status Client::judge(Connection& connection, const Hello&) {
  const Link* link = link_of(connection);
  const bool needs_shm = link != nullptr && link->address.transport == Transport::kShm;
  if (needs_shm && connection.fallback().code != Code::kOk) {
    const Error& why = connection.fallback();
    return Error{why.code, link->address.text + " asks for shared memory, which cannot be had: " + why.message};
  }
  return {};
}

void Client::on_open(Connection& connection) {
  Link* link = link_of(connection);
  if (link == nullptr) return;
  link->usable = true;
  link->backoff = Duration::zero();
  map_methods(*link);
  methods_ = connection.peer_hello().methods;
  patience_ = kNever;
  set_state(ClientState::kReady, nullptr);
  send_queued();
}

void Client::on_request(Connection& connection, std::uint64_t id, const Request&, Buffer*) {
  connection.session().reply_error(id, Code::kUnimplemented, true, "callbacks come in a later release", {});
}

void Client::on_outcome(Connection& connection, std::uint64_t token, const Outcome& outcome, Buffer* storage) {
  const Call* call = calls_.find(token);
  const bool lost = outcome.code == Code::kUnavailable && outcome.sent_maybe && !outcome.remote;
  if (call != nullptr && lost && call->idempotent && state_ != ClientState::kClosed) {
    enqueue_again(token, {}, {});
  } else {
    finish(token, outcome, storage);
  }
  if (!leaving_.empty()) leave_if_done(connection);
}

void Client::on_unsent(std::uint64_t token, const Request& request, const Error& why) {
  const Call* call = calls_.find(token);
  if (call == nullptr) return;
  if (call->wait_for_ready && state_ != ClientState::kClosed) {
    enqueue_again(token, request.metadata, request.payload);
  } else {
    fail(token, Code::kUnavailable, why.message, false);
  }
}

// After a GOAWAY this side closes, when its last call has been answered: then the service can tell that
// nothing is on its way to it any more.
void Client::leave_if_done(Connection& connection) {
  const bool leaving = std::find(leaving_.begin(), leaving_.end(), &connection) != leaving_.end();
  if (leaving && connection.session().pending_calls() == 0)
    connection.close({Code::kUnavailable, "the service is closing"});
}

void Client::on_goaway(Connection& connection) {
  Link* link = link_of(connection);
  if (link == nullptr) return;
  // Calls in flight go on; new ones go elsewhere, or to whoever serves here next.
  link->usable = false;
  leaving_.push_back(std::exchange(link->connection, nullptr));
  leave_if_done(connection);
  if (state_ == ClientState::kClosed) return;
  if (!any_usable()) {
    resume();
  } else {
    link->next_attempt = Clock::now() + kFirstBackoff;
    context_.set_timer({link->next_attempt, TimerQueue::Kind::kClient, id_, 0});
  }
}

void Client::on_room(Connection&) {
  if (queued_calls_ != 0) send_queued();
}

void Client::on_closed(Connection& connection, const Error& why) {
  --connections_;
  std::erase(leaving_, &connection);
  if (Link* link = link_of(connection)) lose(*link, why);
  // Calls that it may have left to be sent again: another connection may be idle, or patience over.
  if (queued_calls_ == 0 || state_ == ClientState::kClosed) return;
  if (state_ == ClientState::kDisconnected) {
    resume();
  } else {
    send_queued();
  }
}

void Client::lose(Link& link, const Error& why) {
  const bool was_usable = std::exchange(link.usable, false);
  link.connection = nullptr;
  last_error_ = why;
  if (state_ == ClientState::kClosed || state_ == ClientState::kDisconnected) return;
  if (was_usable && !any_usable()) {
    resume();
  } else if (!was_usable && is_final(why.code) && !any_usable()) {
    give_up(why);
  } else {
    retry_later(link, why);
  }
}

ClientStatus Client::status() {
  ClientStatus status;
  status.state = state_;
  status.queued_calls = queued_calls_;
  status.queued_bytes = queued_bytes_;
  for (const Link& link : links_) {
    if (!status.address.empty()) status.address += ", ";
    status.address += link.address.text;
    if (!link.usable) continue;
    status.pending_calls += link.connection->session().pending_calls();
    if (!status.transport.empty()) continue;
    status.transport = link.connection->channel().transport();
    status.fallback_reason = link.connection->fallback().message;
    status.peer_pid = link.connection->channel().peer().pid;
    status.peer_uid = link.connection->channel().peer().uid;
  }
  return status;
}

}  // namespace ipcbridge
