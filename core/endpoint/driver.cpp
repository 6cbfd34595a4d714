#include "core/endpoint/driver.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "core/base/cpu.hpp"
#include "core/base/frame.hpp"
#include "core/base/service_manager.hpp"
#include "core/base/utf8.hpp"
#include "core/endpoint/driver_impl.hpp"
#include "core/naming/address.hpp"
#include "core/naming/members.hpp"
#include "core/reactor/poller.hpp"
#include "core/rpc/hello.hpp"

namespace ipcbridge {
namespace {

// What needs memory that cannot be had fails, and nothing else does.
template <typename F>
auto within_memory(F f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return Error{Code::kResourceExhausted, kOutOfMemory};
  }
}

Status check_serial_groups(const ServeOptions& options) {
  if (options.serial_groups.size() <= options.methods.size() &&
      std::all_of(options.serial_groups.begin(), options.serial_groups.end(),
                  [&](std::uint32_t group) { return group <= options.methods.size(); })) {
    return {};
  }
  return Error{Code::kInvalidArgument, "a service has no more serial groups than methods"};
}

Status check_shared(const ServeOptions& options, const Address& address) {
  if (!options.shared) return {};
  if (address.transport == Transport::kInproc) {
    return Error{Code::kInvalidArgument, "what is at " + address.text +
                                             " cannot be shared: of several servers in one process give each a name "
                                             "of its own, or share a local name"};
  }
  const std::size_t most = kMaxSocketPath - member_suffix(kMostMembers).size();
  if (address.path.size() <= most) return {};
  return Error{Code::kInvalidArgument, "the socket path " + address.path + " is longer than the " +
                                           std::to_string(most) +
                                           " bytes that one to be shared may have: serve at a "
                                           "shorter one, or set IPCBRIDGE_DIR to a shorter directory"};
}

Error forked_error() {
  return {Code::kFailedPrecondition,
          "this handle was made before fork() and belongs to the parent process: connect again"};
}

// What every client is to be told in one HELLO.
Status check_methods(const std::vector<std::string>& methods) {
  if (methods.size() > kMaxMethods) return Error{Code::kInvalidArgument, "a service has at most 65536 methods"};
  for (const std::string& method : methods) {
    if (method.empty() || method.size() > kMaxMethodBytes) {
      return Error{Code::kInvalidArgument,
                   "a method's name has 1 to 255 bytes: '" + std::string(cut_utf8(method, 40)) + "'"};
    }
  }
  Hello hello;
  hello.service.resize(kMaxNameBytes);
  hello.methods = methods;
  if (encode_hello(hello).size() > kMaxHelloBody) {
    return Error{Code::kInvalidArgument, "the names of a service's methods, 2 bytes more each, take at most 1 MiB"};
  }
  return {};
}

}  // namespace

Driver::Impl::Impl(const DriverOptions& options, Poller poller)
    : context_(options, std::move(poller)), spin_(options.spin && cpu_limits().allow_two()) {
  context_.blob_returns()->set_sender([this] {
    const Access access(*this);
    return_blobs();
  });
}

Driver::Impl::~Impl() {
  if (forked()) return;
  context_.blob_returns()->set_sender(nullptr);
  clients_.for_each([](std::uint64_t, const std::unique_ptr<Client>& client) { client->close(); });
  for (auto& [id, server] : servers_) server->close(Duration::zero());
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
  Server* callee = options.serves == 0 ? nullptr : server(options.serves);
  if (options.serves != 0 && callee == nullptr) return Error{Code::kFailedPrecondition, "what it serves is closed"};
  if (callee != nullptr && callee->methods().size() > kMaxPeerMethods) {
    return Error{Code::kInvalidArgument, "a client offers at most " + std::to_string(kMaxPeerMethods) + " methods"};
  }
  const ClientId id = next_client_++;
  clients_.insert(id, std::make_unique<Client>(context_, id, options, std::move(addresses), callee))->start();
  return id;
}

Result<ClientId> Driver::Impl::peer_client(std::uint64_t connection) {
  Connection* found = context_.connection(connection);
  if (found == nullptr || found->closed() || !found->is_open()) {
    return Error{Code::kUnavailable, "the connection has ended"};
  }
  if (found->caller == nullptr) {
    const ClientId id = next_client_++;
    clients_.reserve_one();
    clients_.insert(id, std::make_unique<Client>(context_, id, *found));
  }
  return found->caller->client_id();
}

bool Driver::Impl::shares_reference(std::uint64_t reference) {
  if (context_.shares_reference(reference)) return true;
  bool passed = false;
  clients_.for_each(
      [&](std::uint64_t, const std::unique_ptr<Client>& client) { passed = passed || client->passes(reference); });
  return passed;
}

Peer Driver::Impl::describe_peer(const Connection& connection) {
  const Hello& hello = connection.peer_hello();
  const std::string& name = connection.side() == Session::Side::kAcceptor ? hello.name : hello.service;
  return {connection.id(), connection.channel().peer(), hello.language, name};
}

Result<ServerId> Driver::Impl::serve(const ServeOptions& options) {
  Result<Address> address = options.attached ? Address() : parse_address(options.address);
  if (!address.ok()) return address.error();
  if (Status status = check_shared(options, address.value()); !status.ok()) return status.error();
  if (Status status = check_methods(options.methods); !status.ok()) return status.error();
  if (Status status = check_serial_groups(options); !status.ok()) return status.error();
  // Of two servers of one name that follow each other the process is not said to be stopping.
  std::optional<OpenService> following;
  if (!options.attached) following.emplace(context_.system());
  for (auto& [id, existing] : servers_) {
    const bool same = !options.attached && existing->address().is_same_place(address.value());
    if (same && existing->state() != ServerState::kClosed) existing->close(defaults::kGrace);
  }
  const ServerId id = next_server_++;
  auto& made = servers_[id] =
      std::make_unique<Server>(context_, id, kServerToken + id, options, std::move(address).value());
  if (options.takes_references) context_.set_references_server(id);
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

bool Driver::run(EventSink& sink, bool poll) {
  if (impl_->forked()) return false;
  const Impl::Access access(*impl_);
  return impl_->run(sink, poll);
}

bool Driver::spin(const std::function<bool()>& stop) { return !impl_->forked() && impl_->spin(stop); }

bool Driver::prepare_sleep() {
  if (impl_->forked()) return true;
  const Impl::Access access(*impl_);
  return impl_->prepare_sleep();
}

void Driver::set_awake() { impl_->set_awake(); }

void Driver::ring() {
  if (!impl_->forked()) impl_->context().poller().ring();
}

Result<ClientId> Driver::connect(const ConnectOptions& options) {
  if (impl_->forked()) return forked_error();
  const Impl::Access access(*impl_);
  return within_memory([&] { return impl_->connect(options); });
}

void Driver::close_client(ClientId client) {
  if (impl_->forked()) return;
  const Impl::Access access(*impl_);
  if (Client* found = impl_->client(client)) found->close();
}

std::vector<std::string> Driver::methods(ClientId client) {
  if (impl_->forked()) return {};
  const Impl::Access access(*impl_);
  Client* found = impl_->client(client);
  return found == nullptr ? std::vector<std::string>{} : found->methods();
}

std::shared_ptr<Generation> Driver::generation(ClientId client) {
  if (impl_->forked()) return nullptr;
  const Impl::Access access(*impl_);
  Client* found = impl_->client(client);
  return found == nullptr ? nullptr : found->generation();
}

std::uint32_t Driver::intern_method(ClientId client, std::string_view name) {
  if (impl_->forked()) return kNoMethod;
  const Impl::Access access(*impl_);
  Client* found = impl_->client(client);
  return found == nullptr ? kNoMethod : found->intern_method(name);
}

Result<std::uint32_t> Driver::find_method(ClientId client, std::string_view name) {
  if (impl_->forked()) return kNoMethod;
  const Impl::Access access(*impl_);
  Client* found = impl_->client(client);
  if (found == nullptr) return kNoMethod;
  return within_memory([&] { return found->find_method(name); });
}

Result<Submission> Driver::call(ClientId client, std::uint64_t token, std::uint32_t method, const CallOptions& options,
                                ConstBytes metadata, const Payload& payload) {
  if (impl_->forked()) return forked_error();
  const Impl::Access access(*impl_);
  Client* found = impl_->client(client);
  if (found == nullptr) return Client::over(options);
  impl_->return_blobs();
  return within_memory([&] { return found->call(token, method, options, metadata, payload); });
}

void Driver::cancel(ClientId client, std::uint64_t token) {
  if (impl_->forked()) return;
  const Impl::Access access(*impl_);
  // It may have ended already, and nobody been told yet. First, because there may be no memory for what others send
  // then.
  impl_->context().withdraw_outcome(client, token);
  if (Client* found = impl_->client(client)) found->cancel(token);
}

ClientStatus Driver::client_status(ClientId client, const std::vector<std::string>& addresses) {
  if (!impl_->forked()) {
    const Impl::Access access(*impl_);
    if (Client* found = impl_->client(client)) return found->status();
  }
  return ClientStatus::closed(addresses);
}

Result<ServerId> Driver::serve(const ServeOptions& options) {
  if (impl_->forked()) return forked_error();
  const Impl::Access access(*impl_);
  return within_memory([&] { return impl_->serve(options); });
}

void Driver::close_server(ServerId server, Duration grace) {
  if (impl_->forked()) return;
  const Impl::Access access(*impl_);
  if (Server* found = impl_->server(server)) found->close(grace);
}

std::vector<Peer> Driver::peers(ServerId server) {
  if (impl_->forked()) return {};
  const Impl::Access access(*impl_);
  std::vector<Peer> peers;
  const Server* found = impl_->server(server);
  if (found == nullptr) return peers;
  for (const std::uint64_t id : found->peers()) peers.push_back(Impl::describe_peer(*impl_->context().connection(id)));
  return peers;
}

std::optional<Peer> Driver::peer(std::uint64_t connection) {
  if (impl_->forked()) return std::nullopt;
  const Impl::Access access(*impl_);
  const Connection* found = impl_->context().connection(connection);
  if (found == nullptr || !found->has_greeted()) return std::nullopt;
  return Impl::describe_peer(*found);
}

Result<ClientId> Driver::peer_client(std::uint64_t connection) {
  if (impl_->forked()) return forked_error();
  const Impl::Access access(*impl_);
  return within_memory([&] { return impl_->peer_client(connection); });
}

std::optional<OpenedStreams> Driver::reply(const RequestKey& request, const Payload& payload, EventSink* next,
                                           std::uint32_t streams, std::span<const std::uint64_t> references) {
  std::optional<OpenedStreams> opened;
  impl_->answer(request, next, [&](Session& session) {
    const std::uint64_t first = session.reply(request.id, payload, streams, references);
    if (first != 0) opened = OpenedStreams{{request.connection, first}, session.known_room(first)};
  });
  return opened;
}

void Driver::reply_error(const RequestKey& request, Code code, std::string_view message, const Payload& details,
                         EventSink* next) {
  impl_->answer(request, next,
                [&](Session& session) { session.reply_error(request.id, code, false, message, details); });
}

Result<StreamRoom> Driver::stream_room(const StreamKey& stream) {
  return impl_->with_stream(stream, [&](Session& session) { return session.stream_room(stream.id); });
}

Result<StreamRoom> Driver::send_items(const StreamKey& stream, const Payload& body) {
  return impl_->with_stream(stream, [&](Session& session) -> Result<StreamRoom> {
    return within_memory([&] { return session.send_items(stream.id, body); });
  });
}

void Driver::end_stream(const StreamKey& stream, const Error* error, const Payload& details) {
  impl_->use_session(stream, [&](Session& session) { session.end_stream(stream.id, error, details); });
}

void Driver::consume_stream(const StreamKey& stream, std::uint64_t items, std::uint64_t bytes) {
  impl_->use_session(stream, [&](Session& session) { session.consume_stream(stream.id, items, bytes); });
}

void Driver::cancel_stream(const StreamKey& stream) {
  impl_->use_session(stream, [&](Session& session) { session.cancel_stream(stream.id); });
}

void Driver::forget_reference(std::uint64_t reference) {
  if (impl_->forked()) return;
  const Impl::Access access(*impl_);
  impl_->context().connections().for_each([&](std::uint64_t, const std::unique_ptr<Connection>& each) {
    if (each->is_open()) each->session().forget_reference(reference);
  });
}

bool Driver::shares_reference(std::uint64_t reference) {
  if (impl_->forked()) return false;
  const Impl::Access access(*impl_);
  return impl_->shares_reference(reference);
}

void Driver::release_reference(std::uint64_t connection, std::uint64_t reference, std::uint64_t times) {
  impl_->use_session({connection, 0}, [&](Session& session) {
    if (impl_->context().connection(connection)->reference_holds.hold(reference, times)) return;
    session.release(reference, times);
  });
}

void Driver::tell_activity(ServerId server, const std::optional<shm::Activity>& activity) {
  if (impl_->forked()) return;
  const Impl::Access access(*impl_);
  if (Server* found = impl_->server(server)) found->tell_activity(activity);
}

ThreadPoolId Driver::use_threads(ServerId server, std::uint32_t count, std::vector<bool> methods) {
  if (impl_->forked()) return 0;
  const Impl::Access access(*impl_);
  Server* found = impl_->server(server);
  return found == nullptr ? 0 : found->use_threads(count, std::move(methods));
}

ServerStatus Driver::server_status(ServerId server) {
  if (!impl_->forked()) {
    const Impl::Access access(*impl_);
    if (Server* found = impl_->server(server)) return found->status();
  }
  ServerStatus status;
  status.state = ServerState::kClosed;
  return status;
}

}  // namespace ipcbridge
