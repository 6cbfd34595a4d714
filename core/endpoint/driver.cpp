#include "core/endpoint/driver.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <thread>
#include <utility>

#include "core/base/cpu.hpp"
#include "core/base/fork.hpp"
#include "core/endpoint/address.hpp"
#include "core/endpoint/client.hpp"
#include "core/endpoint/context.hpp"
#include "core/endpoint/poller.hpp"
#include "core/endpoint/server.hpp"
#include "core/endpoint/spin.hpp"

namespace ipcbridge {
namespace {

// Poller tokens of listening sockets; those of connections count up from one.
constexpr std::uint64_t kServerToken = 1ULL << 62U;

// How often the awake connections are reviewed: one that was of no use since the last review goes back to sleep, so
// that a busy process does not look at a thousand idle connections for ever. To look at one for that long costs about
// what its doorbell would.
constexpr Duration kReviewInterval = std::chrono::milliseconds(20);
constexpr std::uint32_t kTurnsPerClock = 1024;

constexpr std::size_t kLooksPerClock = 16;
constexpr Duration kStopInterval = std::chrono::microseconds(4);

Error forked_error() {
  return {Code::kFailedPrecondition,
          "this handle was made before fork() and belongs to the parent process: connect again"};
}

}  // namespace

class Driver::Impl {
 public:
  Impl(const DriverOptions& options, Poller poller)
      : context_(options, std::move(poller)), spin_(options.spin && can_run_in_parallel()) {}

  ~Impl() {
    if (forked()) return;
    for (auto& [id, client] : clients_) client->close();
    for (auto& [id, server] : servers_) server->close(Duration::zero());
  }

  bool forked() const { return generation_ != fork_guard::generation(); }
  std::mutex& mutex() { return mutex_; }
  Context& context() { return context_; }

  Client* client(ClientId id) {
    const auto found = clients_.find(id);
    return found == clients_.end() ? nullptr : found->second.get();
  }
  Server* server(ServerId id) {
    const auto found = servers_.find(id);
    return found == servers_.end() ? nullptr : found->second.get();
  }

  bool turn(EventSink& sink, bool poll);
  bool spin(const std::function<bool()>& stop);
  bool prepare_sleep();
  Result<ClientId> connect(const ConnectOptions& options);
  Result<ServerId> serve(const ServeOptions& options);

 private:
  void poll_descriptors();
  void on_ready(const epoll_event& event);
  void fire_timers();
  void prune_timers();
  bool is_alive(const TimerQueue::Timer& timer);
  bool service_awake();
  void reap();
  enum class Look : std::uint8_t { kReady, kExpecting, kNothing };
  Look look();
  void yield_to_peers();
  void wake_up();
  void review_awake();

  std::mutex mutex_;
  std::uint32_t generation_ = fork_guard::generation();
  Context context_;
  AdaptiveSpin spin_;
  Duration spin_budget_{};  // of the present wait
  Duration spun_{};         // of it, before `stop` interrupted
  std::map<ClientId, std::unique_ptr<Client>> clients_;
  std::map<ServerId, std::unique_ptr<Server>> servers_;
  ClientId next_client_ = 1;
  ServerId next_server_ = 1;
  bool asleep_ = false;  // prepare_sleep() said true, and no turn has followed
  TimePoint next_review_{};
  std::uint32_t turns_ = 0;
};

bool Driver::Impl::turn(EventSink& sink, bool poll) {
  context_.set_sink(&sink);
  wake_up();
  if (++turns_ % kTurnsPerClock == 0) review_awake();
  bool more = !context_.deliver_posted();
  if (poll) {
    poll_descriptors();
    fire_timers();
  }
  more = service_awake() || more;
  more = !context_.deliver_posted() || more;
  context_.set_sink(nullptr);
  context_.clear_graveyard();
  if (poll) reap();
  return more;
}

void Driver::Impl::poll_descriptors() {
  std::array<epoll_event, 128> events{};
  for (const epoll_event& event : context_.poller().poll(events)) on_ready(event);
}

void Driver::Impl::on_ready(const epoll_event& event) {
  const std::uint64_t token = event.data.u64;
  if (token == Poller::kTimer || token == Poller::kBell) return;
  if (token >= kServerToken) {
    if (Server* found = server(static_cast<ServerId>(token - kServerToken))) found->accept();
    return;
  }
  Connection* connection = context_.connection(token);
  if (connection == nullptr) return;
  context_.wake(*connection);
  connection->service(true);
}

void Driver::Impl::fire_timers() {
  if (context_.timers().next() == kNever) return;
  const TimePoint now = Clock::now();
  TimerQueue::Timer timer;
  while (context_.timers().pop_due(now, timer)) {
    const auto owner = static_cast<std::uint32_t>(timer.owner);
    switch (timer.kind) {
      case TimerQueue::Kind::kCall:
        if (Client* found = client(owner)) found->on_call_deadline(timer.token, now);
        break;
      case TimerQueue::Kind::kClient:
        if (Client* found = client(owner)) found->on_timer(now);
        break;
      case TimerQueue::Kind::kServer:
        if (Server* found = server(owner)) found->on_timer(now);
        break;
      case TimerQueue::Kind::kHandshake:
        if (Connection* found = context_.connection(timer.owner); found != nullptr && !found->is_open()) {
          found->close({Code::kUnavailable, "the peer did not complete the handshake in time"});
        }
        break;
    }
  }
  prune_timers();
  context_.poller().wake_at(context_.timers().next());
}

bool Driver::Impl::is_alive(const TimerQueue::Timer& timer) {
  switch (timer.kind) {
    case TimerQueue::Kind::kCall: {
      Client* found = client(static_cast<ClientId>(timer.owner));
      return found != nullptr && found->has_deadline(timer.token);
    }
    case TimerQueue::Kind::kClient: {
      const Client* found = client(static_cast<ClientId>(timer.owner));
      return found != nullptr && found->awaits_timer();
    }
    case TimerQueue::Kind::kHandshake: {
      const Connection* found = context_.connection(timer.owner);
      return found != nullptr && !found->is_open();
    }
    case TimerQueue::Kind::kServer:
      break;
  }
  return true;
}

// An idle process is not to be woken for what ended long ago.
void Driver::Impl::prune_timers() {
  std::size_t calls = 0;
  for (const auto& [id, found] : clients_) calls += found->call_count();
  const auto alive = [this](const TimerQueue::Timer& timer) { return is_alive(timer); };
  context_.timers().prune(calls, alive);
  context_.timers().drop_dead_head(alive);
}

// A round over the awake connections. True when the sink is full or a budget ran out.
bool Driver::Impl::service_awake() {
  // Whoever is first this time is second the next, or a full sink would starve the last.
  std::vector<Connection*>& awake = context_.awake();
  const std::size_t count = awake.size();
  if (count == 0) return false;
  std::size_t at = turns_ % count;
  bool more = false;
  for (std::size_t i = 0; i < count && !awake.empty(); ++i, ++at) {
    if (at >= awake.size()) at = 0;
    Connection& connection = *awake[at];
    if (!connection.ready()) continue;
    if (!context_.sink_has_room()) return true;
    connection.service(false);
    more = more || connection.ready();
  }
  return more;
}

void Driver::Impl::reap() {
  std::erase_if(clients_, [](const auto& entry) { return entry.second->is_over(); });
  std::erase_if(servers_, [](const auto& entry) { return entry.second->is_over(); });
}

Driver::Impl::Look Driver::Impl::look() {
  Look seen = Look::kNothing;
  for (const Connection* connection : context_.awake()) {
    if (connection->ready()) return Look::kReady;
    if (connection->expects_frames()) seen = Look::kExpecting;
  }
  return context_.has_posted() ? Look::kReady : seen;
}

// The kernel wakes whoever reads a socket on the CPU of whoever wrote to it, because the writer is expected to
// sleep soon. A writer that spins instead then keeps its peer from answering; so it lets it run. As both stay
// runnable, the kernel moves one of them to an idle CPU, if there is one, at its next tick.
void Driver::Impl::yield_to_peers() {
  {
    const std::lock_guard lock(mutex_);
    const std::vector<Connection*>& awake = context_.awake();
    const bool waits_for_this_cpu = std::any_of(awake.begin(), awake.end(), [](const Connection* connection) {
      return connection->expects_frames() && connection->channel().peer_is_on_this_cpu();
    });
    if (!waits_for_this_cpu) return;
  }
  std::this_thread::yield();
}

bool Driver::Impl::spin(const std::function<bool()>& stop) {
  Look seen = Look::kNothing;
  {
    const std::lock_guard lock(mutex_);
    seen = look();
    // A wait that `stop` has interrupted goes on with what is left of its budget.
    if (seen == Look::kExpecting && spun_ == Duration::zero()) spin_budget_ = spin_.budget();
    if (seen == Look::kReady) spun_ = Duration::zero();
  }
  if (seen == Look::kReady) return true;
  if (seen == Look::kNothing || spin_budget_ == Duration::zero()) return false;

  // The clock is not asked before it matters: a quick peer has answered by then.
  TimePoint start{};
  TimePoint next_stop{};
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      // The more connections there are to look at, the longer a look takes.
      for (std::size_t looked = 0; looked < kLooksPerClock;
           looked += std::max<std::size_t>(1, context_.awake().size())) {
        seen = look();
        if (seen == Look::kReady) {
          spin_.caught();
          spun_ = Duration::zero();
          return true;
        }
        cpu_relax();
      }
    }
    if (seen == Look::kNothing) return false;
    yield_to_peers();
    const TimePoint now = Clock::now();
    if (start == TimePoint{}) {
      start = now - spun_;
      next_stop = now + kStopInterval;
    }
    if (now - start >= spin_budget_) break;
    if (now < next_stop) continue;
    if (stop()) {
      spun_ = now - start;
      return false;
    }
    next_stop = now + kStopInterval;
  }
  const std::lock_guard lock(mutex_);
  spin_.missed();
  spun_ = Duration::zero();
  spin_budget_ = Duration::zero();
  return false;
}

// The awake connections fall asleep and wake up together: where one of a hundred has a message, the others will soon
// have theirs, and a doorbell for each would cost more than all the rest of a call.
bool Driver::Impl::prepare_sleep() {
  if (look() == Look::kReady) return false;
  asleep_ = true;
  std::vector<Connection*>& awake = context_.awake();
  const auto can_sleep = [](Connection* connection) { return connection->channel().prepare_sleep(); };
  if (!std::all_of(awake.begin(), awake.end(), can_sleep)) {
    wake_up();
    return false;
  }
  review_awake();
  return true;
}

void Driver::Impl::review_awake() {
  const TimePoint now = Clock::now();
  if (now < next_review_) return;
  next_review_ = now + kReviewInterval;
  std::erase_if(context_.awake(), [](Connection* connection) {
    connection->awake = std::exchange(connection->used, false) || !connection->channel().prepare_sleep();
    return !connection->awake;
  });
}

void Driver::Impl::wake_up() {
  if (!std::exchange(asleep_, false)) return;
  for (Connection* connection : context_.awake()) connection->channel().wake();
}

Result<ClientId> Driver::Impl::connect(const ConnectOptions& options) {
  if (options.addresses.empty()) return Error{Code::kInvalidArgument, "connect needs an address"};
  if (options.connect_timeout < Duration::zero())
    return Error{Code::kInvalidArgument, "the connect timeout is negative"};
  std::vector<Address> addresses;
  for (const std::string& text : options.addresses) {
    Result<Address> address = parse_address(text);
    if (!address.ok()) return address.error();
    addresses.push_back(std::move(address).value());
  }
  const ClientId id = next_client_++;
  auto& made = clients_[id] = std::make_unique<Client>(context_, id, options, std::move(addresses));
  made->start();
  return id;
}

Result<ServerId> Driver::Impl::serve(const ServeOptions& options) {
  Result<Address> address = parse_address(options.address);
  if (!address.ok()) return address.error();
  if (options.methods.size() > kMaxMethods) return Error{Code::kInvalidArgument, "a service has at most 65536 methods"};
  for (const std::string& method : options.methods) {
    if (method.empty() || method.size() > kMaxMethodBytes) {
      return Error{Code::kInvalidArgument, "a method's name has 1 to 255 bytes: '" + method.substr(0, 40) + "'"};
    }
  }
  for (auto& [id, existing] : servers_) {
    const bool same =
        existing->address().path == address.value().path &&
        (existing->address().transport == Transport::kInproc) == (address.value().transport == Transport::kInproc);
    constexpr Duration kGrace = std::chrono::seconds(10);
    if (same && existing->state() != ServerState::kClosed) existing->close(kGrace);
  }
  const ServerId id = next_server_++;
  auto& made = servers_[id] =
      std::make_unique<Server>(context_, id, kServerToken + id, options, std::move(address).value());
  made->start();
  return id;
}

Driver::Driver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Driver::~Driver() {
  // In a forked child another thread of the parent may have held the lock or been in the middle of things.
  if (impl_->forked()) static_cast<void>(impl_.release());
}

Result<std::unique_ptr<Driver>> Driver::create(const DriverOptions& options) {
  Result<Poller> poller = Poller::create(*options.system);
  if (!poller.ok()) return poller.error();
  return std::unique_ptr<Driver>(new Driver(std::make_unique<Impl>(options, std::move(poller).value())));
}

int Driver::fd() const { return impl_->context().poller().fd(); }

bool Driver::turn(EventSink& sink, bool poll) {
  if (impl_->forked()) return false;
  const std::lock_guard lock(impl_->mutex());
  return impl_->turn(sink, poll);
}

bool Driver::spin(const std::function<bool()>& stop) { return !impl_->forked() && impl_->spin(stop); }

bool Driver::prepare_sleep() {
  if (impl_->forked()) return true;
  const std::lock_guard lock(impl_->mutex());
  return impl_->prepare_sleep();
}

void Driver::ring() {
  if (!impl_->forked()) impl_->context().poller().ring();
}

Result<ClientId> Driver::connect(const ConnectOptions& options) {
  if (impl_->forked()) return forked_error();
  const std::lock_guard lock(impl_->mutex());
  return impl_->connect(options);
}

void Driver::close_client(ClientId client) {
  if (impl_->forked()) return;
  const std::lock_guard lock(impl_->mutex());
  if (Client* found = impl_->client(client)) found->close();
}

std::vector<std::string> Driver::methods(ClientId client) {
  if (impl_->forked()) return {};
  const std::lock_guard lock(impl_->mutex());
  Client* found = impl_->client(client);
  return found == nullptr ? std::vector<std::string>{} : found->methods();
}

std::uint32_t Driver::intern_method(ClientId client, std::string_view name) {
  if (impl_->forked()) return 0;
  const std::lock_guard lock(impl_->mutex());
  Client* found = impl_->client(client);
  return found == nullptr ? 0 : found->intern_method(name);
}

Status Driver::call(ClientId client, std::uint64_t token, std::uint32_t method, const CallOptions& options,
                    ConstBytes metadata, ConstBytes payload) {
  if (impl_->forked()) return forked_error();
  const std::lock_guard lock(impl_->mutex());
  Client* found = impl_->client(client);
  if (found == nullptr) return Error{Code::kFailedPrecondition, "the client is closed"};
  return found->call(token, method, options, metadata, payload);
}

void Driver::cancel(ClientId client, std::uint64_t token) {
  if (impl_->forked()) return;
  const std::lock_guard lock(impl_->mutex());
  if (Client* found = impl_->client(client)) found->cancel(token);
}

ClientStatus Driver::client_status(ClientId client) {
  if (!impl_->forked()) {
    const std::lock_guard lock(impl_->mutex());
    if (Client* found = impl_->client(client)) return found->status();
  }
  ClientStatus status;
  status.state = ClientState::kClosed;
  return status;
}

Result<ServerId> Driver::serve(const ServeOptions& options) {
  if (impl_->forked()) return forked_error();
  const std::lock_guard lock(impl_->mutex());
  return impl_->serve(options);
}

void Driver::close_server(ServerId server, Duration grace) {
  if (impl_->forked()) return;
  const std::lock_guard lock(impl_->mutex());
  if (Server* found = impl_->server(server)) found->close(grace);
}

void Driver::reply(const RequestKey& request, ConstBytes payload) {
  if (impl_->forked()) return;
  const std::lock_guard lock(impl_->mutex());
  Connection* connection = impl_->context().connection(request.connection);
  if (connection == nullptr || !connection->is_open()) return;
  connection->session().reply(request.id, payload);
  connection->update_interest();
}

void Driver::reply_error(const RequestKey& request, Code code, std::string_view message, ConstBytes details) {
  if (impl_->forked()) return;
  const std::lock_guard lock(impl_->mutex());
  Connection* connection = impl_->context().connection(request.connection);
  if (connection == nullptr || !connection->is_open()) return;
  connection->session().reply_error(request.id, code, false, message, details);
  connection->update_interest();
}

ServerStatus Driver::server_status(ServerId server) {
  if (!impl_->forked()) {
    const std::lock_guard lock(impl_->mutex());
    if (Server* found = impl_->server(server)) return found->status();
  }
  ServerStatus status;
  status.state = ServerState::kClosed;
  return status;
}

}  // namespace ipcbridge
