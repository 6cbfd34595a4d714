#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "core/base/fork.hpp"
#include "core/base/id_map.hpp"
#include "core/endpoint/client.hpp"
#include "core/endpoint/context.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/server.hpp"
#include "core/reactor/spin.hpp"

namespace ipcbridge {

// Poller tokens of listening sockets; see also kDialToken.
inline constexpr std::uint64_t kServerToken = 1ULL << 62U;

class Driver::Impl {
 public:
  Impl(const DriverOptions& options, Poller poller);
  ~Impl();

  // The lock. What is done under it may need the consumer, which is woken if it sleeps.
  class Access {
   public:
    explicit Access(Impl& impl) : impl_(impl), lock_(impl.mutex_) {}
    ~Access() { impl_.wake_consumer(); }
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;

   private:
    Impl& impl_;
    std::lock_guard<std::mutex> lock_;
  };

  bool forked() const { return generation_ != fork_guard::generation(); }
  Context& context() { return context_; }

  Client* client(ClientId id) {
    const std::unique_ptr<Client>* found = clients_.find(id);
    return found == nullptr ? nullptr : found->get();
  }
  Server* server(ServerId id) {
    const auto found = servers_.find(id);
    return found == servers_.end() ? nullptr : found->second.get();
  }

  // Has `reply` answer a request. What had to wait for that goes to `next`, or else to the next run.
  template <typename Reply>
  void answer(const RequestKey& request, EventSink* next, Reply reply);

  // Has `use` do something with a connection that is open; nothing is done when it is not.
  template <typename Use>
  void use_session(const StreamKey& stream, Use use);
  // The same with what it gives: the stream is over when its connection is.
  template <typename Use>
  Result<StreamRoom> with_stream(const StreamKey& stream, Use use);

  bool run(EventSink& sink, bool poll);
  bool spin(const std::function<bool()>& stop);
  bool prepare_sleep();
  void set_awake() { asleep_.store(false, std::memory_order_relaxed); }
  Result<ClientId> connect(const ConnectOptions& options);
  Result<ServerId> serve(const ServeOptions& options);
  Result<ClientId> peer_client(std::uint64_t connection);
  static Peer describe_peer(const Connection& connection);
  bool shares_reference(std::uint64_t reference);
  // The memory of large values (driver_memory.cpp).
  static Allocator allocator(Connection* connection);
  void return_blobs();

 private:
  bool run_once(bool poll);
  bool begin_due_calls();
  // Runs (driver_run.cpp).
  void wake_consumer();
  void post_unposted();
  void poll_descriptors();
  void on_ready(std::uint64_t token);
  void fire_timers();
  void ask_all(TimePoint now);
  void prune_timers();
  bool is_alive(const TimerQueue::Timer& timer);
  bool is_served(const Server& server);
  void reap();

  // What there is for a run, or may soon be (driver_spin.cpp).
  AwakeSet::Readiness readiness() const;
  AwakeSet::Readiness poll_readiness();
  bool yield_to_peers();

  std::mutex mutex_;
  std::atomic<bool> asleep_{false};  // the consumer is, or is about to be, and has not been woken
  std::uint32_t generation_ = fork_guard::generation();
  Context context_;
  AdaptiveSpin spin_;
  Duration spin_budget_{};    // of the present wait
  Duration spun_{};           // of it, before `stop` interrupted
  std::uint32_t yields_ = 0;  // in a row, to peers on this CPU
  IdMap<std::unique_ptr<Client>> clients_;
  std::map<ServerId, std::unique_ptr<Server>> servers_;
  ClientId next_client_ = 1;
  ServerId next_server_ = 1;
  std::uint32_t runs_ = 0;
};

template <typename Use>
void Driver::Impl::use_session(const StreamKey& stream, Use use) {
  if (forked()) return;
  const Access access(*this);
  Connection* connection = context_.connection(stream.connection);
  if (connection == nullptr || connection->closed() || !connection->is_open()) return;
  connection->use_session(use);
}

template <typename Use>
Result<StreamRoom> Driver::Impl::with_stream(const StreamKey& stream, Use use) {
  std::optional<Result<StreamRoom>> room;
  use_session(stream, [&](Session& session) {
    room = use(session);
    if (room->ok() && room->value().empty()) session.note_stalled(stream.id, context_.now());
  });
  if (!room) return Error{Code::kCancelled, "the stream's connection has ended"};
  return *std::move(room);
}

template <typename Reply>
void Driver::Impl::answer(const RequestKey& request, EventSink* next, Reply reply) {
  if (forked()) return;
  const Access access(*this);
  return_blobs();
  Connection* connection = context_.connection(request.connection);
  if (connection == nullptr || connection->closed() || !connection->is_open()) {
    for (auto& [id, server] : servers_) server->forget_orphan(request);
  } else {
    connection->answer(request.id, reply);
    connection->owner().on_answered(request);
  }
  // Others keep nothing of a cancellation whose call has been answered, and may have left many events behind.
  if (context_.options().shared_by_threads && context_.has_posted()) context_.withdraw_cancel(request);
  if (next == nullptr) return;
  context_.set_sink(next);
  begin_due_calls();
  context_.set_sink(nullptr);
}

}  // namespace ipcbridge
