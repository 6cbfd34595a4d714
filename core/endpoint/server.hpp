#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/service_manager.hpp"
#include "core/endpoint/connection.hpp"
#include "core/endpoint/context.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/nested_calls.hpp"
#include "core/endpoint/orphans.hpp"
#include "core/endpoint/serial_order.hpp"
#include "core/endpoint/takeover_request.hpp"
#include "core/naming/address.hpp"
#include "core/naming/path_watcher.hpp"
#include "core/transport/admission.hpp"
#include "core/transport/listener.hpp"

namespace ipcbridge {

// A service as its owner sees it: a name, whoever is connected, and the requests that run. Used under the
// Driver's lock.
class Server final : public ConnectionOwner {
 public:
  // `poll_token` is what the poller reports for the listening descriptor.
  Server(Context& context, ServerId id, std::uint64_t poll_token, const ServeOptions& options, Address address);
  ~Server() override;

  void start();
  void close(Duration grace);

  const Address& address() const { return address_; }
  const std::vector<std::string>& methods() const { return options_.methods; }
  // Those that are connected, and have said HELLO.
  std::vector<std::uint64_t> peers() const;
  ServerState state() const { return state_; }
  ServerStatus status();
  // The request was answered after its connection had ended.
  void forget_orphan(const RequestKey& request);
  // Hands over calls that had to wait for others. False when the sink has no room for more.
  bool begin_due_calls();
  void tell_activity(const std::optional<shm::Activity>& activity);
  ThreadPoolId use_threads(std::uint32_t count, std::vector<bool> methods);
  bool is_over() const { return state_ == ServerState::kClosed && connections_.empty(); }

  // See Client::post_unposted.
  void post_unposted();
  void accept();
  void on_timer(TimePoint now);
  // Files that some server depends on have changed (server_watch.cpp).
  void check_soon();

  Status judge(Connection& connection, const Hello& theirs) override;
  void on_open(Connection& connection) override;
  void on_request(Session& session, std::uint64_t id, const Request& request, MessageStorage* storage) override;
  void on_cancel(Session& session, std::uint64_t id) override;
  bool keeps_notification(Session& session, std::uint64_t id, std::uint64_t bytes) override;
  // Of calls of this side, which are those of the connection's caller (server_peers.cpp).
  void on_outcome(Session& session, std::uint64_t token, const Outcome& outcome, MessageStorage* storage) override;
  void on_unsent(Session& session, std::uint64_t token, const Request& request, bool begun,
                 const CloseReason& why) override;
  void on_streams_open(Session& session, std::uint64_t token, const StreamRange& streams) override;
  void on_answered(const RequestKey& request) override;
  void on_goaway(Session&) override {}  // a client that goes closes, when its calls are answered
  void on_room(Connection& connection) override;
  void on_closed(Connection& connection, const CloseReason& why) override;

 private:
  // Of those who are connected.
  struct User {
    User(std::uint64_t max_bytes, std::uint64_t max_handshake_bytes)
        : account(max_bytes), handshakes(max_handshake_bytes) {}
    std::uint32_t connections = 0;
    Account account;
    Account handshakes;
  };

  ConnectionOwner* caller_of(const Session& session) const;
  std::string own_path() const;
  Status listen();
  void try_listen();
  bool replaces(const Address& address) const;
  void ask_for_place();
  void withdraw_requests();
  void stop_listening();
  void admit(std::unique_ptr<Channel> channel);
  Status check_room(const Channel& channel, const QuotaHolder& holder, std::uint32_t connections) const;
  // One connection less.
  void leave(const QuotaHolder& holder);
  void do_what_is_due(TimePoint now);
  void pause_accepting();
  void accept_again();
  void check_by(TimePoint at);
  void check_listener();
  bool is_in_place() const;
  void watch_listener();
  void listen_anew();
  Status relocate();
  void lose_place(const Error& why);
  void close_if_drained();
  static void say_goodbye(Connection& connection);
  void end_handshake(Connection& connection);
  void give_up();
  // Calls (server_calls.cpp).
  bool waits_for_itself(const Request& request) const;
  void emit(const RequestKey& key, const Request& request, MessageStorage* storage);
  void begin(SerialOrder::Begun call);
  void refuse(const RequestKey& request, const Error& why);
  void leave_orphans(std::uint64_t connection);
  bool is_connected(const RequestKey& request) const;
  void tell_cancelled(const RequestKey& request);
  void close_connections(const Error& why);
  void finish(const Error& why);
  void set_state(ServerState state, const Error* why);
  void post_state(const Error* why);

  ServerId id_;
  std::uint64_t poll_token_;
  ServeOptions options_;
  Address address_;
  ServerState state_ = ServerState::kStarting;
  std::optional<OpenService> open_service_;       // while clients of other processes may come
  std::list<TakeoverRequest> takeover_requests_;  // to those that have the name
  Admission admission_;
  std::unique_ptr<Listener> listener_;
  PathWatcher::Watch watch_;     // of the listener's files
  TimePoint check_at_ = kNever;  // whether they are there
  // Starting, or listening anew: until when that may fail. Closing: until when calls may run.
  TimePoint give_up_at_ = kNever;
  TimePoint accept_again_at_ = kNever;
  Error close_reason_{Code::kCancelled, "the server was closed"};
  std::vector<Connection*> connections_;
  std::optional<shm::Activity> activity_;
  Account handshakes_;
  std::map<QuotaHolder, User> users_;
  Orphans orphans_;
  SerialOrder serial_;
  // Threads that run some of the methods; their number is 0 while it is not known.
  struct {
    ThreadPoolId pool = 0;
    std::uint32_t count = 0;
    std::vector<bool> methods;
  } threads_;
  bool leaves_orphans_ = false;  // the connection that is being closed
  bool state_unposted_ = false;
};

}  // namespace ipcbridge
