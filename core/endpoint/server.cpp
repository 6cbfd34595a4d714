#include "core/endpoint/server.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "core/transport/descriptors.hpp"
#include "core/transport/socket.hpp"

namespace ipcbridge {
namespace {

constexpr Duration kTakeoverRetry = std::chrono::milliseconds(10);
constexpr Duration kAcceptPause = std::chrono::milliseconds(50);
// How long a server that closes waits for the rest of a handshake.
constexpr Duration kLateHandshake = std::chrono::milliseconds(250);
constexpr int kAcceptsPerRun = 64;

std::uint64_t bytes_of(const std::vector<std::string>& methods) {
  constexpr std::uint64_t kOverhead = 64;  // of a string and its place in the index
  std::uint64_t bytes = 0;
  for (const std::string& method : methods) bytes += method.size() + kOverhead;
  return bytes;
}

Error cannot_watch() { return {Code::kResourceExhausted, "cannot watch another descriptor"}; }

}  // namespace

Server::Server(Context& context, ServerId id, std::uint64_t poll_token, const ServeOptions& options, Address address)
    : ConnectionOwner(context),
      id_(id),
      poll_token_(poll_token),
      options_(options),
      address_(std::move(address)),
      admission_(context.known_ids(), options.allow),
      handshakes_(options.max_handshake_bytes),
      orphans_(options.limits.max_pending_calls, options.limits.max_pending_bytes),
      serial_(context.system(), options.serial_groups) {}

Server::~Server() { stop_listening(); }

void Server::start() {
  if (options_.attached) {
    set_state(ServerState::kListening, nullptr);
    return;
  }
  if (address_.transport != Transport::kInproc) open_service_.emplace(context().system());
  give_up_at_ = options_.takeover == Takeover::kFail ? context().now()
                                                     : deadline_after(context().now(), options_.takeover_timeout);
  try_listen();
}

void Server::try_listen() {
  const Status status = listen();
  if (status.ok()) {
    give_up_at_ = kNever;
    withdraw_requests();
    set_state(ServerState::kListening, nullptr);
    return;
  }
  const TimePoint now = context().now();
  if (status.error().code != Code::kAlreadyExists || now >= give_up_at_) {
    Error why = status.error();
    if (why.code == Code::kAlreadyExists && options_.shared) why.message += " and does not share the name";
    if (why.code == Code::kAlreadyExists && !replaces(address_)) {
      why.message += " (takeover 'replace' asks for it to be given up)";
    }
    finish(why);
    return;
  }
  ask_for_place();
  context().set_timer({std::min(now + kTakeoverRetry, give_up_at_), TimerQueue::Kind::kServer, id_, 0});
}

// Another server of this process is asked whatever the option says: serving a name again replaces.
bool Server::replaces(const Address& address) const {
  return options_.takeover == Takeover::kReplace || context().transports().listens_here(address);
}

// All that are in the way: those who share the name come and go.
void Server::ask_for_place() {
  for (Address& place : context().transports().occupied(address_, options_.shared)) {
    if (!replaces(place)) continue;
    auto asked = std::find_if(takeover_requests_.begin(), takeover_requests_.end(),
                              [&](const TakeoverRequest& request) { return request.path() == place.path; });
    if (asked == takeover_requests_.end()) {
      asked = takeover_requests_.emplace(asked, context(), std::move(place));
    }
    asked->ask();
  }
}

void Server::withdraw_requests() {
  for (TakeoverRequest& request : takeover_requests_) request.withdraw();
}

Status Server::listen() {
  if (address_.directory) {
    const auto refusal = NamesDirectory::refusal_of_services(address_.directory->path());
    if (refusal) return refusal->error();
  }
  Result<std::unique_ptr<Listener>> listener =
      context().transports().listen(context().system(), address_, {.mode = options_.mode, .shared = options_.shared});
  if (!listener.ok()) return listener.error();
  if (!context().poller().add(listener.value()->fd(), poll_token_, Poller::kReadable)) return cannot_watch();
  listener_ = std::move(listener).value();
  if (open_service_) open_service_->note_listening();
  watch_listener();
  return {};
}

void Server::stop_listening() {
  check_at_ = kNever;
  watch_ = {};
  if (!listener_) return;
  context().poller().remove(listener_->fd());
  listener_.reset();
}

void Server::accept() {
  for (int i = 0; i < kAcceptsPerRun && state_ == ServerState::kListening && listener_; ++i) {
    Result<std::unique_ptr<Channel>> channel = listener_->accept();
    if (!channel.ok()) {
      pause_accepting();
      return;
    }
    if (!channel.value()) return;
    admit(std::move(channel).value());
  }
}

// Out of descriptors: the listening socket stays readable, so polling it would spin. Clients wait meanwhile.
void Server::pause_accepting() {
  context().poller().modify(listener_->fd(), poll_token_, 0);
  accept_again_at_ = context().now() + kAcceptPause;
  context().set_timer({accept_again_at_, TimerQueue::Kind::kServer, id_, 0});
}

void Server::accept_again() {
  accept_again_at_ = kNever;
  if (listener_) context().poller().modify(listener_->fd(), poll_token_, Poller::kReadable);
}

void Server::admit(std::unique_ptr<Channel> channel) {
  const QuotaHolder holder = quota_holder(channel->peer());
  Status allowed = admission_.admit(channel->peer());
  User& user = users_.try_emplace(holder, options_.max_bytes_per_user, options_.max_handshake_bytes / 2).first->second;
  if (allowed.ok()) allowed = check_room(*channel, holder, user.connections);
  ConnectionSetup setup;
  setup.hello.limits = options_.limits;
  setup.hello.nonce = context().nonce();
  setup.hello.service = address_.named ? address_.text : "";
  setup.hello.methods = options_.methods;
  setup.hello.language = context().options().language;
  setup.account = &user.account;
  setup.handshake_accounts = {&handshakes_, &user.handshakes};
  if (address_.shared_memory() != SharedMemory::kNone) setup.ring_bytes = context().options().ring_bytes;
  if (connections_.size() == connections_.capacity()) connections_.reserve(2 * connections_.size() + 1);
  Connection* connection = context().open_connection(std::move(channel), Session::Side::kAcceptor, *this, setup);
  if (connection == nullptr) {
    if (user.connections == 0) users_.erase(holder);
    return;
  }
  ++user.connections;
  connections_.push_back(connection);
  if (!allowed.ok()) {
    connection->close(CloseReason::refusal(allowed.error()));
    return;
  }
  connection->start();
}

// `connections` are those that the peer's quota holder has. The descriptors are the program's and everybody's together.
Status Server::check_room(const Channel& channel, const QuotaHolder& holder, std::uint32_t connections) const {
  const DescriptorLimits descriptors = descriptor_limits();
  if (static_cast<std::uint64_t>(channel.fd()) >= descriptors.reserved_from) {
    return Error{Code::kResourceExhausted, "the service's process has hardly a descriptor left (its limit is " +
                                               std::to_string(descriptors.limit) + ")"};
  }
  std::uint64_t most = options_.max_connections_per_user;
  if (!admission_.is_owner(channel.peer())) most = std::min(most, descriptors.per_guest);
  if (connections < most) return {};
  return Error{Code::kResourceExhausted,
               describe(holder) + " has " + std::to_string(connections) + " connections to this service already"};
}

void Server::leave(const QuotaHolder& holder) {
  const auto user = users_.find(holder);
  if (--user->second.connections == 0) users_.erase(user);
}

void Server::on_timer(TimePoint now) {
  try {
    do_what_is_due(now);
  } catch (const std::bad_alloc&) {
    if (state_ == ServerState::kListening) check_at_ = std::min(check_at_, now + kAcceptPause);
    context().set_timer({now + kAcceptPause, TimerQueue::Kind::kServer, id_, 0});
  }
}

void Server::do_what_is_due(TimePoint now) {
  if (state_ == ServerState::kStarting) {
    try_listen();
  } else if (state_ == ServerState::kListening) {
    if (accept_again_at_ <= now) accept_again();
    if (check_at_ <= now) check_listener();
  } else if (state_ == ServerState::kClosing && give_up_at_ <= now) {
    give_up();
  }
}

void Server::close(Duration grace) {
  if (state_ == ServerState::kClosed) return;
  const TimePoint give_up_at = deadline_after(context().now(), grace);
  if (state_ == ServerState::kClosing) {
    // Who closes again may allow less time.
    if (grace == Duration::zero()) {
      give_up();
    } else if (give_up_at < give_up_at_) {
      give_up_at_ = give_up_at;
      context().set_timer({give_up_at_, TimerQueue::Kind::kServer, id_, 0});
    }
    return;
  }
  stop_listening();
  withdraw_requests();
  set_state(ServerState::kClosing, nullptr);
  give_up_at_ = give_up_at;
  context().set_timer({give_up_at_, TimerQueue::Kind::kServer, id_, 0});
  for (Connection* connection : std::vector<Connection*>(connections_)) {
    if (connection->is_open()) {
      say_goodbye(*connection);
    } else {
      end_handshake(*connection);
    }
  }
  close_if_drained();
}

// For its side the handshake may be over, and calls may be on their way, as soon as it has said HELLO and been
// answered: what ends the handshake for this side is here already, or comes in a moment. Then it is told goodbye like
// the others.
void Server::end_handshake(Connection& connection) {
  connection.note_descriptor();
  connection.service();
  if (connection.is_open() || connection.closed()) return;
  if (connection.has_greeted()) {
    connection.end_handshake_by(context().now() + kLateHandshake);
  } else {
    connection.close(CloseReason::refusal(CloseReason::goodbye().error()));
  }
}

// The client closes when it has its last answer; then nothing is on its way here any more. Until then calls that have
// crossed the goodbye run like those that came before.
void Server::say_goodbye(Connection& connection) {
  connection.session().goaway();
  connection.flush_output();
}

void Server::forget_orphan(const RequestKey& request) {
  on_answered(request);
  orphans_.forget(request);
  close_if_drained();
}

void Server::give_up() {
  close_connections(close_reason_);  // of which notifications are left
  for (const RequestKey& orphan : orphans_.abandon()) {
    if (!serial_.drop(orphan)) tell_cancelled(orphan);
  }
  close_if_drained();
}

void Server::close_connections(const Error& why) {
  for (Connection* connection : std::vector<Connection*>(connections_)) connection->close(CloseReason::owner(why));
  close_if_drained();
}

void Server::close_if_drained() {
  if (state_ == ServerState::kClosing && connections_.empty() && orphans_.empty()) finish(close_reason_);
}

void Server::finish(const Error& why) {
  stop_listening();
  withdraw_requests();
  set_state(ServerState::kClosed, &why);
  close_connections(why);
}

void Server::set_state(ServerState state, const Error* why) {
  if (state_ == state) return;
  state_ = state;
  if (state == ServerState::kClosing || state == ServerState::kClosed) open_service_.reset();
  if (state == ServerState::kClosed) context().note_end();
  post_state(why);
}

void Server::post_state(const Error* why) {
  ServerStateEvent event{id_, state_, Code::kOk, {}};
  if (why != nullptr) {
    event.code = why->code;
    event.message = why->message;
  }
  if (!context().post(event)) state_unposted_ = true;
}

void Server::post_unposted() {
  if (std::exchange(state_unposted_, false)) post_state(nullptr);
}

Status Server::judge(Connection& connection, const Hello& theirs) {
  if ((theirs.optional_features & feature::kReplace) != 0) {
    if (!admission_.is_owner(connection.channel().peer())) {
      return Error{Code::kPermissionDenied, "only the service's own user may replace it"};
    }
    // Whoever asked a server that was stopped, or busy, may have given up since.
    if (is_hung_up(context().system(), connection.channel().fd())) return CloseReason::peer_gone().error();
    if (state_ == ServerState::kListening) {
      close_reason_ = {Code::kAborted, describe(connection.channel().peer()) + " has taken over " + address_.text};
      close(defaults::kGrace);
    }
    return CloseReason::goodbye().error();
  }
  if (address_.shared_memory() == SharedMemory::kRequired && connection.fallback().code != Code::kOk &&
      (theirs.optional_features & feature::kShm) != 0) {
    return Error{connection.fallback().code, "shared memory cannot be had: " + connection.fallback().message};
  }
  return {};
}

void Server::tell_activity(const std::optional<shm::Activity>& activity) {
  activity_ = activity;
  for (Connection* connection : connections_) {
    if (connection->is_open()) connection->channel().tell_activity(activity);
  }
}

void Server::on_open(Connection& connection) {
  if (!connection.session().keep_for_peer(bytes_of(connection.peer_hello().methods))) {
    connection.close(CloseReason::refusal(
        {Code::kResourceExhausted, "what is kept for this user exceeds the service's limit already"}));
    return;
  }
  if (activity_) connection.channel().tell_activity(activity_);
  if (state_ == ServerState::kClosing) say_goodbye(connection);
}

void Server::on_closed(Connection& connection, const CloseReason& why) {
  if (ConnectionOwner* caller = std::exchange(connection.caller, nullptr)) caller->on_closed(connection, why);
  if (std::exchange(leaves_orphans_, false)) leave_orphans(connection.id());
  std::erase(connections_, &connection);
  if (state_ == ServerState::kClosed) context().note_end();
  leave(quota_holder(connection.channel().peer()));
  close_if_drained();
}

// Of those who share a name each has its own.
std::string Server::own_path() const {
  const std::vector<std::string> files = listener_ && options_.shared ? listener_->files() : std::vector<std::string>();
  return files.empty() ? address_.path : files.front();
}

ServerStatus Server::status() {
  ServerStatus status;
  status.state = state_;
  status.address = address_.text;
  status.path = own_path();
  for (Connection* connection : connections_) {
    if (!connection->is_open()) continue;
    ++status.connections;
    if (connection->channel().transport() == "shm") ++status.shm_connections;
    const Session& session = connection->session();
    status.running_calls += session.inbound_calls();
    status.pending_calls += session.pending_calls();
    status.streams.add(session.stream_activity(), context().now());
  }
  return status;
}

}  // namespace ipcbridge
