#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/id_map.hpp"
#include "core/endpoint/connection.hpp"
#include "core/endpoint/context.hpp"
#include "core/endpoint/driver.hpp"
#include "core/naming/address.hpp"
#include "core/naming/path_watcher.hpp"
#include "core/transport/admission.hpp"

namespace ipcbridge {

class Server;

// A service as its caller sees it: connections to one or more addresses, kept up, and the calls that wait
// for one. Used under the Driver's lock.
class Client final : public ConnectionOwner {
 public:
  // `callee`: what the other side calls over its connections, if anything; it outlives this.
  Client(Context& context, ClientId id, const ConnectOptions& options, std::vector<Address> addresses,
         Server* callee = nullptr);
  // Calls the other side of a connection that it has made. Ends with it.
  Client(Context& context, ClientId id, Connection& accepted);

  ClientId client_id() const override { return id_; }
  // Whether a call that is not over passes this reference.
  bool passes(std::uint64_t reference);
  const Server* callee() const { return callee_; }

  // Makes the first attempts.
  void start();
  void close();

  // See Driver::call.
  // Over which the next call will probably go; null: there is none.
  Connection* usual_connection();
  Result<Submission> call(std::uint64_t token, std::uint32_t method, const CallOptions& options, ConstBytes metadata,
                          const Payload& payload);
  void cancel(std::uint64_t token);
  // What a call with these options fails with when its client is over.
  static Error over(const CallOptions& options);

  std::uint32_t intern_method(std::string_view name);
  Result<std::uint32_t> find_method(std::string_view name);
  const std::vector<std::string>& methods() const { return methods_; }
  std::shared_ptr<Generation> generation() const { return generation_; }
  ClientStatus status() const;
  ClientState state() const { return state_; }

  void on_call_deadline(std::uint64_t token, TimePoint now);
  // Within a run: what there was no memory to tell of when it happened.
  void post_unposted();
  // Of this call, and not of an earlier one with the same token.
  bool has_deadline(std::uint64_t token, TimePoint deadline) {
    const Call* call = calls_.find(token);
    return call != nullptr && call->deadline == deadline;
  }
  // Closed, and its connections too, and all has been told: nothing refers to it any more.
  bool is_over() const { return state_ == ClientState::kClosed && connections_ == 0 && calls_.empty(); }
  // A retry or the end of connect_timeout, and whether either is ahead.
  void on_timer(TimePoint now);
  bool awaits_timer() const;
  // Files have come or gone, perhaps where those listen who share an address (client_members.cpp).
  void look_again();

  Status judge(Connection& connection, const Hello& theirs) override;
  void on_open(Connection& connection) override;
  void on_request(Session& session, std::uint64_t id, const Request& request, MessageStorage* storage) override;
  void on_cancel(Session& session, std::uint64_t id) override;
  void on_answered(const RequestKey& request) override;
  void on_outcome(Session& session, std::uint64_t token, const Outcome& outcome, MessageStorage* storage) override;
  void on_unsent(Session& session, std::uint64_t token, const Request& request, bool begun,
                 const CloseReason& why) override;
  void on_goaway(Session& session) override;
  void on_streams_open(Session& session, std::uint64_t token, const StreamRange& streams) override;
  void on_room(Connection& connection) override;
  void on_dial_ready(std::uint64_t dial) override;
  void on_closed(Connection& connection, const CloseReason& why) override;

 private:
  static constexpr std::uint32_t kNotOffered = ~0U;

  struct Link {
    Connection* connection = nullptr;
    bool usable = false;                // open, and the service has not said goodbye
    bool found = false;                 // it has been usable before
    std::vector<std::uint32_t> remote;  // interned method -> the service's number
    std::uint64_t turn = 0;             // when it last was given a call: the number of that choice
    Address address;
    std::uint32_t member = 0;  // its number among those who share the address; 0: of who has it for himself
    Link* base = nullptr;      // of a member: the link of the address
    bool gone = false;         // a member that is looked for no more
    Duration backoff = Duration::zero();
    TimePoint opened;                   // when it last became usable
    Duration pause = Duration::zero();  // from then to the next attempt at least
    TimePoint next_attempt = kNever;
    std::unique_ptr<Dial> dial;  // while an attempt is under way that has no connection yet
    TimePoint dial_until = kNever;
    TimePoint expected_until = kNever;  // of a connection that is being made: until when calls are kept for it
  };

  // What a call needs to be sent later, or again.
  struct Saved {
    Buffer metadata;
    Buffer payload;
    Attachments attachments;

    Payload as_payload() const { return {payload, attachments}; }
  };

  struct Call {
    std::uint32_t method = 0;        // interned; of a reference, its own number
    std::uint32_t streams = 0;       // among its arguments
    std::uint64_t reference_on = 0;  // the connection of a reference that it calls
    std::uint64_t reference = 0;     // that, if it is retained
    TimePoint deadline = kNever;
    std::uint64_t connection = 0;  // 0: waits in queue_
    std::uint64_t id = 0;
    std::uint64_t written = 0;  // with it: how much the channel had written, if there is a deadline
    std::unique_ptr<const std::string> reference_method;           // its method's name; null: it calls none
    std::unique_ptr<const std::vector<std::uint64_t>> references;  // that it passes; null: none
    std::unique_ptr<Saved> saved;
    bool notify = false;
    bool idempotent = false;
    bool wait_for_ready = true;
    std::uint8_t losses = 0;   // connections that ended while it was sent, or ran
    bool sent_before = false;  // over one of them, so that it may have run
    Code ended = Code::kOk;    // if it has, and there was no memory to tell of it yet

    bool waits() const { return connection == 0 && ended == Code::kOk; }
    std::span<const std::uint64_t> passed() const {
      return references == nullptr ? std::span<const std::uint64_t>() : *references;
    }
    std::uint64_t queued_bytes() const;
  };

  static bool is_lasting(const Error& why);
  void maintain_links(TimePoint now);
  void give_up(const Error& why);
  void resume(const std::string& why_lost);
  void set_state(ClientState state, const Error* why);
  void post_state(const Error* why);
  ClientState state_of(const Link& link) const;
  LinkStatus status_of(const Link& link) const;
  std::string where() const;
  std::string why_nobody() const;

  // Connections (client_links.cpp).
  // Does something on which it depends that there will be a connection again.
  template <typename F>
  void within_memory(F f) {
    try {
      f();
    } catch (const std::bad_alloc&) {
      retry_links();
    }
  }
  void retry_links();
  void attempt(Link& link);
  void advance(Link& link);
  void use(Link& link, std::unique_ptr<Channel> channel);
  void fail_attempt(Link& link, const Error& why);
  void retry_later(Link& link, const Error& why);
  void attempt_at(Link& link, TimePoint at);
  void note_opened(Link& link) const;
  Link* link_of(const Connection& connection);
  bool any_usable() const;
  void lose(Link& link, const CloseReason& why);
  void move_on(const CloseReason& why);
  void leave_if_done(Connection& connection);

  // Those who share an address (client_members.cpp).
  void look_for_members(Link& base);
  void watch_members();
  bool knows(const Link& base, std::uint32_t member) const;
  void leave_out(Link& link);
  void leave_out_members(const Link& base);
  void sweep_links();
  bool is_shown(const Link& link) const;

  // Methods (client_methods.cpp).
  void map_methods(Link& link);
  // Not one of those that are full.
  Link* pick(std::uint32_t method, const std::vector<const Link*>& full);
  // How many calls a connection may have now, so that those that are about to open get their share.
  std::size_t fair_share() const;
  Status check_offered(std::uint32_t method) const;
  Error not_offered(std::string_view name) const;
  // Of the connection that has just opened. Whether the client's are others than before.
  bool note_methods(const std::vector<std::string>& latest);
  std::vector<std::string> usable_methods(const std::vector<std::string>& first) const;
  bool offers(std::string_view name) const;

  // Calls (client_calls.cpp).
  void resume_for(std::uint64_t token);
  // `has_way`: there is a connection for it.
  Status check_call(std::uint32_t method, const CallOptions& options, bool has_way) const;
  // Where it goes there is a connection.
  bool has_way(std::uint64_t reference_on) const;
  // True when sent; an error when it can never be; false when there is no room.
  Result<bool> try_send(std::uint64_t token, Call& call, ConstBytes metadata, const Payload& payload);
  Result<bool> try_send_over(Connection& connection, std::uint32_t method, std::uint64_t token, Call& call,
                             ConstBytes metadata, const Payload& payload);
  // Whether the queue takes a call of so many bytes; an error when it never will.
  Result<Submission> admit(std::uint64_t bytes, bool notify);
  void enqueue(std::uint64_t token, Call& call, ConstBytes metadata, const Payload& payload);
  static void save(Call& call, ConstBytes metadata, const Payload& payload);
  void send_queued();
  Result<bool> send_saved(std::uint64_t token, Call& call);
  void forget(std::uint64_t token, const Call& call);
  void unqueue(std::uint64_t bytes);
  // While it is under way, or waits, the retained reference that it calls is not given back.
  void begin_reference_call(Call& call, ConstBytes payload);
  void end_reference_call(std::uint64_t connection, std::uint64_t reference);
  // Of those that it passed, retained ones may be nobody's any more.
  void tell_released(const Call& call);
  // The connection of the references that they call is over.
  void fail_reference_calls(std::uint64_t connection, std::string_view why);

  // How they end (client_outcomes.cpp).
  void finish(std::uint64_t token, const Outcome& outcome, MessageStorage* storage, std::uint64_t connection = 0);
  void finish_out_of_memory(std::uint64_t token);
  // Tells the callee that nobody waits. False when the call surely did not run.
  bool withdraw(const Call& call);
  void lose_call(std::uint64_t token, Call& call, const Outcome& outcome);
  void lose_unsent(std::uint64_t token, Call& call, const Request& request, bool begun, const CloseReason& why);
  void expire(std::uint64_t token, const Call& call);
  // What can be seen of the service although it does not answer.
  std::string explain_silence(const Call& call);
  void fail(std::uint64_t token, Code code, std::string_view message, bool sent_maybe);
  std::string describe_wait(const Call& call) const;
  std::string name_of(const Call& call) const;
  std::string not_answered(const Call& call, std::string_view why) const;
  std::string not_sent(const Call& call, std::string_view why) const;
  void fail_queued(Code code, std::string_view message);
  // Those that are not to wait for a connection.
  void fail_impatient(std::string_view message);

  // What every call touches comes first: of a thousand clients each line of it is cold.
  ClientId id_;
  ClientState state_ = ClientState::kConnecting;
  std::list<Link> links_;           // where pointers to them stay as they are
  std::vector<std::string> names_;  // interned
  IdMap<Call> calls_;
  std::uint64_t queued_calls_ = 0;

  ConnectOptions options_;
  Server* callee_ = nullptr;
  bool is_of_accepted_ = false;  // calls the other side of a connection that it has made
  Admission admission_;
  TimePoint connect_until_ = kNever;  // when connecting or reconnecting ends in failure
  Error last_error_;
  std::vector<std::string> methods_;
  std::shared_ptr<Generation> generation_ = std::make_shared<Generation>(0);
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::size_t guesses_ = 0;          // of those, interned by find_method while nobody was there to offer them
  std::deque<std::uint64_t> queue_;  // tokens in the order of their calls; those cancelled are skipped
  std::uint64_t queued_bytes_ = 0;
  std::uint64_t dropped_notifications_ = 0;
  std::uint64_t wanted_room_ = 0;  // the least that a call wanted for which there was no room; 0: none did
  std::uint64_t next_notification_ = 1ULL << 63U;
  std::uint64_t choices_ = 0;         // of one among several links
  PathWatcher::Watch watch_;          // of the directories in which members come and go
  TimePoint looked_at_{};             // for members
  std::vector<Connection*> leaving_;  // the service said goodbye; calls in flight go on
  std::size_t connections_ = 0;
  bool state_unposted_ = false;
};

}  // namespace ipcbridge
