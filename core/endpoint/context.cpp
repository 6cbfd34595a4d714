#include "core/endpoint/context.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <span>
#include <utility>
#include <variant>

#include "core/base/random.hpp"

namespace ipcbridge {
namespace {

// While a timer could not be set.
constexpr Duration kAskInterval = std::chrono::milliseconds(100);

// The sentence that comes with an event, if one may.
std::string_view* message_of(Event& event) {
  if (auto* ended = std::get_if<OutcomeEvent>(&event)) return &ended->outcome.message;
  if (auto* ended = std::get_if<StreamEndEvent>(&event)) return &ended->outcome.message;
  if (auto* changed = std::get_if<ClientStateEvent>(&event)) return &changed->message;
  if (auto* changed = std::get_if<ServerStateEvent>(&event)) return &changed->message;
  return nullptr;
}

// Whoever made the message does not keep it. Where there is no memory for a copy the event goes without it.
void keep_message(Context::Posted& posted) {
  const std::string_view* message = message_of(posted.event);
  if (message == nullptr) return;
  try {
    posted.message = *message;
  } catch (const std::bad_alloc&) {
    posted.message = kOutOfMemory;
  }
}

}  // namespace

Context::Context(const DriverOptions& options, Poller poller) : options_(options), poller_(std::move(poller)) {
  static_cast<void>(fill_random(std::as_writable_bytes(std::span(nonce_))));
}

Context::~Context() = default;

void Context::set_timer(const TimerQueue::Timer& timer) {
  try {
    timers_.add(timer);
    poller_.wake_at(timers_.next());
  } catch (const std::bad_alloc&) {
    unset_until_ = std::max(unset_until_, timer.at);
    poller_.wake_at(std::min(timer.at, now() + kAskInterval));
  }
}

void Context::note_asked(TimePoint now) {
  if (now >= unset_until_) {
    unset_until_ = {};
  } else {
    poller_.wake_at(std::min(unset_until_, now + kAskInterval));
  }
}

bool Context::post(const Event& event) {
  new_work_ = true;
  try {
    keep_message(posted_.emplace_back(Posted{event, {}}));
    if (std::holds_alternative<StreamsOpenEvent>(event)) ++openings_;
    return true;
  } catch (const std::bad_alloc&) {
    unposted_ = true;
    return false;
  }
}

void Context::tell_rooms() {
  connections_.for_each([](std::uint64_t, const std::unique_ptr<Connection>& each) {
    if (each->is_open()) each->session().tell_rooms();
  });
}

bool Context::shares_reference(std::uint64_t reference) {
  bool found = false;
  connections_.for_each([&](std::uint64_t, const std::unique_ptr<Connection>& each) {
    found = found || (each->is_open() && each->session().shares(reference));
  });
  return found;
}

void Context::schedule(Connection& connection) {
  awake_.add(connection);
  new_work_ = true;
}

void Context::withdraw_outcome(ClientId client, std::uint64_t token) {
  std::erase_if(posted_, [&](const Posted& posted) {
    const auto* ended = std::get_if<OutcomeEvent>(&posted.event);
    if (ended != nullptr) return ended->client == client && ended->token == token;
    const auto* opened = std::get_if<StreamsOpenEvent>(&posted.event);
    const bool is_withdrawn = opened != nullptr && opened->client == client && opened->token == token;
    if (is_withdrawn) --openings_;
    return is_withdrawn;
  });
}

void Context::withdraw_cancel(const RequestKey& request) {
  std::erase_if(posted_, [&](const Posted& posted) {
    const auto* cancelled = std::get_if<CancelEvent>(&posted.event);
    return cancelled != nullptr && cancelled->key == request;
  });
}

bool Context::deliver_posted(std::size_t most) {
  while (!posted_.empty()) {
    if (most-- == 0 || sink_room() == 0) return false;
    Posted& posted = posted_.front();
    if (std::string_view* message = message_of(posted.event)) *message = posted.message;
    sink_->on_event(posted.event);
    if (std::holds_alternative<StreamsOpenEvent>(posted.event)) --openings_;
    posted_.pop_front();
  }
  return true;
}

std::unique_ptr<Dial> Context::dial(const Address& address, ConnectionOwner& owner) {
  const std::uint64_t id = next_dial_++;
  dials_.emplace(id, &owner);
  return std::make_unique<Dial>(*this, id, transports().connect(system(), address));
}

void Context::on_dial_ready(std::uint64_t dial) {
  const auto found = dials_.find(dial);
  if (found != dials_.end()) found->second->on_dial_ready(dial);
}

bool Context::watch_paths(PathWatcher::Watch& watch, const std::vector<std::string>& files,
                          const std::vector<std::string>& listed) {
  if (!path_watcher_) {
    path_watcher_ = std::make_unique<PathWatcher>(system(), [this] { poller_.ring(); });
    path_events_polled_ = poller_.add(path_watcher_->events_fd(), kPathEventsToken, Poller::kReadable) &&
                          poller_.add(path_watcher_->mounts_fd(), kMountsToken, Poller::kReadable | Poller::kChanges);
  }
  watch = PathWatcher::Watch(*path_watcher_, files, listed);
  return watch.complete() && path_events_polled_;
}

bool Context::paths_changed(std::uint64_t token) {
  if (!path_watcher_) return false;
  if (token == kPathEventsToken) path_watcher_->on_events();
  if (token == kMountsToken) path_watcher_->on_mount();
  return path_watcher_->take_change();
}

Connection* Context::open_connection(std::unique_ptr<Channel> channel, Session::Side side, ConnectionOwner& owner,
                                     const ConnectionSetup& setup) {
  const std::uint64_t id = next_connection_++;
  const int fd = channel->fd();
  // So that a message wakes it, and its end puts it away, without memory.
  const std::size_t count = connections_.size() + 1;
  awake_.reserve(count);
  if (discarded_.capacity() < count) discarded_.reserve(2 * count);
  connections_.reserve_one();
  auto made = std::make_unique<Connection>(*this, id, std::move(channel), side, owner, setup);
  if (!poller_.add(fd, id, Poller::kReadable | Poller::kHangUp)) return nullptr;
  Connection* connection = connections_.insert(id, std::move(made)).get();
  awake_.add(*connection);
  return connection;
}

Connection* Context::connection(std::uint64_t id) {
  std::unique_ptr<Connection>* found = connections_.find(id);
  return found == nullptr ? nullptr : found->get();
}

void Context::discard(Connection& connection) {
  awake_.remove(connection);
  std::unique_ptr<Connection>* found = connections_.find(connection.id());
  if (found == nullptr) return;
  discarded_.push_back(std::move(*found));
  connections_.erase(connection.id());
}

}  // namespace ipcbridge
