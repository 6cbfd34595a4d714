#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/blob_returns.hpp"
#include "core/base/id_map.hpp"
#include "core/base/known_ids.hpp"
#include "core/base/system.hpp"
#include "core/endpoint/awake_set.hpp"
#include "core/endpoint/connection.hpp"
#include "core/endpoint/dial.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/events.hpp"
#include "core/naming/path_watcher.hpp"
#include "core/reactor/poller.hpp"
#include "core/reactor/timer_queue.hpp"

namespace ipcbridge {

// Poller tokens of attempts to connect; those of connections count up from one.
inline constexpr std::uint64_t kDialToken = 1ULL << 61U;

// Poller tokens of the PathWatcher's descriptors.
inline constexpr std::uint64_t kPathEventsToken = ~0ULL - 2;
inline constexpr std::uint64_t kMountsToken = ~0ULL - 3;

// What a Driver lends to its clients, servers and connections. Used under the Driver's lock only.
class Context {
 public:
  struct Posted {
    Event event;
    std::string message;  // of the event, which has a view of it
  };

  Context(const DriverOptions& options, Poller poller);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const DriverOptions& options() const { return options_; }
  System& system() const { return *options_.system; }
  TimePoint now() const { return options_.system->now(); }
  Transports& transports() const { return *options_.transports; }
  const KnownIds& known_ids() const { return known_ids_; }
  Poller& poller() { return poller_; }
  // Of what has come over connections.
  const std::shared_ptr<BlobReturns>& blob_returns() const { return blob_returns_; }
  TimerQueue& timers() { return timers_; }
  const std::array<std::byte, 16>& nonce() const { return nonce_; }

  // Sets a timer and makes the consumer's descriptor readable when it is due. Where there is no memory for it,
  // everybody is asked now and then, until its time is over, what is due (has_unset_timers).
  void set_timer(const TimerQueue::Timer& timer);
  bool has_unset_timers() const { return unset_until_ != TimePoint{}; }
  // Everybody is being asked.
  void note_asked(TimePoint now);

  // An event with a payload, of a connection that may_emit().
  void emit(const Event& event) {
    --share_;
    sink_->on_event(event);
  }
  // Nor anything while streams of calls are to be opened: their outcomes come behind that.
  bool may_emit() const { return share_ > 0 && openings_ == 0 && sink_room() > 0; }
  bool has_openings() const { return openings_ != 0; }
  // How many events the connection that is serviced next may emit.
  void set_share(std::size_t share) { share_ = share; }
  std::size_t sink_room() const { return sink_ == nullptr ? 0 : sink_->room(); }
  void set_sink(EventSink* sink) { sink_ = sink; }

  // An event without a payload: kept, with its message, until the next run that has room. False when there is no
  // memory for that; then the next run asks all clients and servers again (take_unposted).
  bool post(const Event& event);
  void note_unposted() { unposted_ = true; }
  bool take_unposted() { return std::exchange(unposted_, false); }
  // Of streams, those that could not be posted.
  void tell_rooms();
  // At most so many. True when none is left.
  bool deliver_posted(std::size_t most = EventSink::kAnyNumber);
  // Takes a posted outcome back, and the opening of streams: its caller has gone.
  void withdraw_outcome(ClientId client, std::uint64_t token);
  // The same for a cancellation: the call has been answered.
  void withdraw_cancel(const RequestKey& request);
  bool has_posted() const { return !posted_.empty() || unposted_; }
  // Calls that had to wait may begin: the next run that has room asks all servers for them.
  void note_due_calls() { due_calls_ = true; }
  bool take_due_calls() { return std::exchange(due_calls_, false); }
  // Whether a run has something to do that no message tells of.
  bool has_work() const { return has_posted() || due_calls_; }
  // Whether there has been such a thing since.
  bool take_new_work() { return std::exchange(new_work_, false) || due_calls_; }
  // What runs the calls of this side's references; 0: nothing does yet.
  ServerId references_server() const { return references_server_; }
  void set_references_server(ServerId server) { references_server_ = server; }
  // Over some connection.
  bool shares_reference(std::uint64_t reference);
  // Makes the next timer one that needs no memory.
  void reserve_timer() { timers_.reserve_one(); }

  // Begins to connect, for the first advance() to tell how it went, or that it goes on.
  std::unique_ptr<Dial> dial(const Address& address, ConnectionOwner& owner);
  void on_dial_ready(std::uint64_t dial);
  void forget_dial(std::uint64_t dial) { dials_.erase(dial); }

  // Watches files in place of those that `watch` did. False when some change will go unnoticed.
  bool watch_paths(PathWatcher::Watch& watch, const std::vector<std::string>& files,
                   const std::vector<std::string>& listed);
  // Whether what this token of the poller stands for is a change of such files.
  bool paths_changed(std::uint64_t token);

  // Connections. A new one starts awake. A closed one is destroyed at the end of the run.
  Connection* open_connection(std::unique_ptr<Channel> channel, Session::Side side, ConnectionOwner& owner,
                              const ConnectionSetup& setup);
  Connection* connection(std::uint64_t id);
  IdMap<std::unique_ptr<Connection>>& connections() { return connections_; }
  void discard(Connection& connection);
  void free_discarded() { discarded_.clear(); }

  // A client or server may be over: the Driver looks through all of them.
  void note_end() { ended_ = true; }
  bool take_ended() { return std::exchange(ended_, false); }

  AwakeSet& awake() { return awake_; }
  // The connection has something to do that no message will tell of.
  void schedule(Connection& connection);
  const AwakeSet& awake() const { return awake_; }

 private:
  DriverOptions options_;
  std::shared_ptr<BlobReturns> blob_returns_ = std::make_shared<BlobReturns>();
  Poller poller_;
  TimerQueue timers_;
  TimePoint unset_until_{};  // when the last timer that could not be set is due
  std::array<std::byte, 16> nonce_{};
  std::unique_ptr<PathWatcher> path_watcher_;  // while there has been a server with files
  bool path_events_polled_ = false;
  EventSink* sink_ = nullptr;
  std::size_t share_ = 0;
  std::deque<Posted> posted_;
  std::size_t openings_ = 0;  // StreamsOpenEvents among these
  bool unposted_ = false;
  bool due_calls_ = false;
  KnownIds known_ids_ = KnownIds::read();
  std::unordered_map<std::uint64_t, ConnectionOwner*> dials_;
  std::uint64_t next_dial_ = 1;
  IdMap<std::unique_ptr<Connection>> connections_;
  std::uint64_t next_connection_ = 1;
  AwakeSet awake_{*options_.system};
  bool ended_ = false;
  bool new_work_ = false;
  std::vector<std::unique_ptr<Connection>> discarded_;
  ServerId references_server_ = 0;
};

}  // namespace ipcbridge
