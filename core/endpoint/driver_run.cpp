#include <array>
#include <memory>
#include <new>
#include <vector>

#include "core/endpoint/driver_impl.hpp"

namespace ipcbridge {
namespace {

// How often a busy consumer, which never sleeps, asks for the time to review its awake connections.
constexpr std::uint32_t kRunsPerClock = 1024;

}  // namespace

bool Driver::Impl::run(EventSink& sink, bool poll) {
  set_awake();
  context_.set_sink(&sink);
  bool more = true;
  try {
    more = run_once(poll);
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): what is left undone is there for the next run
  }
  context_.set_sink(nullptr);
  context_.free_discarded();
  return more;
}

bool Driver::Impl::run_once(bool poll) {
  context_.awake().wake_up();
  return_blobs();
  if (++runs_ % kRunsPerClock == 0) context_.awake().review();
  if (context_.take_unposted()) post_unposted();
  // The calls of whoever has gone may be cancelled by the thousand: half of the room is for those who are there.
  const std::size_t room = context_.sink_room();
  if (context_.has_posted()) context_.deliver_posted(context_.has_openings() ? room : room - room / 2);
  bool more = !begin_due_calls();
  if (poll) poll_descriptors();
  more = context_.awake().service(context_) || more;
  if (poll) fire_timers();  // behind the answers that have come in time
  more = !context_.deliver_posted() || more;
  return_blobs();  // of what was copied while it was read
  context_.free_discarded();
  if (poll) reap();
  return more;
}

// False when there are more than the sink has room for.
bool Driver::Impl::begin_due_calls() {
  if (!context_.take_due_calls()) return true;
  for (auto& [id, server] : servers_) {
    if (server->begin_due_calls()) continue;
    context_.note_due_calls();
    return false;
  }
  return true;
}

void Driver::Impl::post_unposted() {
  clients_.for_each([](std::uint64_t, const std::unique_ptr<Client>& client) { client->post_unposted(); });
  for (auto& [id, server] : servers_) server->post_unposted();
  context_.tell_rooms();
}

void Driver::Impl::poll_descriptors() {
  std::array<std::uint64_t, 128> tokens{};
  for (const std::uint64_t token : context_.poller().poll(tokens)) on_ready(token);
}

void Driver::Impl::on_ready(std::uint64_t token) {
  if (token >= kMountsToken) {  // the timer and the bell are among these
    if (context_.paths_changed(token)) {
      for (auto& [id, server] : servers_) server->check_soon();
      clients_.for_each([](std::uint64_t, const std::unique_ptr<Client>& client) { client->look_again(); });
    }
    return;
  }
  if (token >= kServerToken) {
    if (Server* found = server(static_cast<ServerId>(token - kServerToken))) found->accept();
    return;
  }
  if (token >= kDialToken) {
    context_.on_dial_ready(token - kDialToken);
    return;
  }
  if (Connection* connection = context_.connection(token)) context_.awake().report(*connection);
}

void Driver::Impl::fire_timers() {
  if (context_.timers().next() == kNever && !context_.has_unset_timers()) return;
  const TimePoint now = context_.now();
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
        if (Connection* found = context_.connection(timer.owner)) found->check_handshake(now);
        break;
      case TimerQueue::Kind::kBlobMemory:
        if (Connection* found = context_.connection(timer.owner)) found->trim_blob_memory(now);
        break;
    }
  }
  if (context_.has_unset_timers()) ask_all(now);
  prune_timers();
  context_.poller().wake_at(context_.timers().next());
}

// There was no memory to note when each of them is to be asked.
void Driver::Impl::ask_all(TimePoint now) {
  context_.note_asked(now);
  std::vector<Connection*> connections;
  context_.connections().for_each(
      [&](std::uint64_t, const std::unique_ptr<Connection>& each) { connections.push_back(each.get()); });
  for (Connection* connection : connections) connection->check_handshake(now);
  clients_.for_each([now](std::uint64_t, const std::unique_ptr<Client>& client) { client->on_timer(now); });
  for (auto& [id, server] : servers_) server->on_timer(now);
}

bool Driver::Impl::is_alive(const TimerQueue::Timer& timer) {
  switch (timer.kind) {
    case TimerQueue::Kind::kCall: {
      Client* found = client(static_cast<ClientId>(timer.owner));
      return found != nullptr && found->has_deadline(timer.token, timer.at);
    }
    case TimerQueue::Kind::kClient: {
      const Client* found = client(static_cast<ClientId>(timer.owner));
      return found != nullptr && found->awaits_timer();
    }
    case TimerQueue::Kind::kHandshake: {
      const Connection* found = context_.connection(timer.owner);
      return found != nullptr && !found->is_open();
    }
    case TimerQueue::Kind::kBlobMemory:
      return context_.connection(timer.owner) != nullptr;
    case TimerQueue::Kind::kServer:
      return server(static_cast<ServerId>(timer.owner)) != nullptr;
  }
  return false;
}

// An idle process is not to be woken for what ended long ago.
void Driver::Impl::prune_timers() {
  const auto alive = [this](const TimerQueue::Timer& timer) { return is_alive(timer); };
  context_.timers().prune(alive);
  context_.timers().drop_dead_head(alive);
}

// By a client that lives: it hands over what arrives.
bool Driver::Impl::is_served(const Server& server) {
  bool served = false;
  clients_.for_each(
      [&](std::uint64_t, const std::unique_ptr<Client>& client) { served = served || client->callee() == &server; });
  return served;
}

void Driver::Impl::reap() {
  if (!context_.take_ended()) return;
  std::vector<ClientId> over;
  clients_.for_each([&](std::uint64_t id, const std::unique_ptr<Client>& client) {
    if (client->is_over()) over.push_back(static_cast<ClientId>(id));
  });
  for (const ClientId id : over) clients_.erase(id);
  std::erase_if(servers_, [this](const auto& entry) { return entry.second->is_over() && !is_served(*entry.second); });
}

bool Driver::Impl::prepare_sleep() {
  if (context_.has_work() || !context_.awake().fall_asleep()) return false;
  context_.take_new_work();
  asleep_.store(true, std::memory_order_relaxed);
  return true;
}

void Driver::Impl::wake_consumer() {
  if (!asleep_.load(std::memory_order_relaxed)) return;
  const bool disturbed = context_.options().shared_by_threads && context_.awake().is_disturbed();
  if (!disturbed && !context_.take_new_work()) return;
  set_awake();
  context_.poller().ring();
}

}  // namespace ipcbridge
