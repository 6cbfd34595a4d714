#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/close_reason.hpp"
#include "core/base/result.hpp"
#include "core/endpoint/events.hpp"
#include "core/endpoint/handshake.hpp"
#include "core/endpoint/handshake_memory.hpp"
#include "core/endpoint/peer_activity.hpp"
#include "core/endpoint/reference_holds.hpp"
#include "core/naming/method_index.hpp"
#include "core/rpc/session.hpp"
#include "core/transport/channel.hpp"

namespace ipcbridge {

class Context;
class Connection;

// The client or server that a connection belongs to. The connection's session tells it of the calls of both sides,
// whichever of them dialled; a session's number is its connection's id. Called under the Driver's lock.
class ConnectionOwner : public SessionEvents {
 public:
  explicit ConnectionOwner(Context& context) : context_(context) {}

  // The peer has said HELLO: an error refuses it, and the peer is told.
  virtual Status judge(Connection& connection, const Hello& theirs) = 0;
  virtual void on_open(Connection& connection) = 0;
  // There may be room for calls that found none.
  virtual void on_room(Connection& connection) = 0;
  // A call of the peer has been answered, or what ran for it has ended.
  virtual void on_answered(const RequestKey& /*request*/) {}
  // For owners that dial: the Dial with this id may advance.
  virtual void on_dial_ready(std::uint64_t /*dial*/) {}
  // The last word of this connection, which is destroyed at the end of the run.
  virtual void on_closed(Connection& connection, const CloseReason& why) = 0;

  // Of what calls over it: see Connection::caller.
  virtual ClientId client_id() const { return 0; }

  // References and streams are the consumer's, whichever side of a connection this is (connection_owner.cpp).
  void on_reference_released(Session& session, std::uint64_t reference) final;
  bool on_stream_room(Session& session, std::uint64_t stream) final;
  void on_stream_cancelled(Session& session, std::uint64_t stream) final;
  void on_stream_items(Session& session, std::uint64_t stream, std::uint32_t count, ConstBytes items,
                       MessageStorage* storage) final;
  void on_stream_end(Session& session, std::uint64_t stream, const Outcome& outcome, MessageStorage* storage) final;

 protected:
  Context& context() const { return context_; }
  // A call of a reference of this side's.
  void take_reference_call(Session& session, std::uint64_t id, const Request& request, MessageStorage* storage);
  void cancel_reference_call(Session& session, std::uint64_t id);

 private:
  Context& context_;
};

struct ConnectionSetup {
  Hello hello;
  std::size_t ring_bytes = 0;  // zero: offer no shared memory
  // Both must live until the owner's on_closed.
  Account* account = nullptr;  // that the session shares
  HandshakeAccounts handshake_accounts;
};

// One connection from the first byte to the last: handshake, session, and where needed the change from the
// unix to the shared-memory channel. Used under the Driver's lock.
class Connection final : FrameSink, FrameWriter {
 public:
  Connection(Context& context, std::uint64_t id, std::unique_ptr<Channel> channel, Session::Side side,
             ConnectionOwner& owner, const ConnectionSetup& setup);

  std::uint64_t id() const { return id_; }
  Session::Side side() const { return side_; }
  bool is_open() const { return session_.has_value(); }
  Channel& channel() { return *channel_; }
  const Channel& channel() const { return *channel_; }
  ConnectionOwner& owner() { return owner_; }
  Session& session() { return *session_; }
  bool has_greeted() const { return handshake_.theirs().has_value(); }  // the peer, by a HELLO
  const Hello& peer_hello() const { return *handshake_.theirs(); }
  // The number of one of the peer's methods.
  std::optional<std::uint32_t> find_method(std::string_view name) const { return offered_.find(name); }
  // See Handshake::fallback().
  const Error& fallback() const { return handshake_.fallback(); }

  // Validated: a method that the service offers, in the past.
  std::optional<PeerActivity> peer_activity() const;

  // Says HELLO. The connection may be closed when this returns.
  void start();
  // Gives its handshake less time.
  void end_handshake_by(TimePoint until);
  // Closes it if its handshake takes too long.
  void check_handshake(TimePoint now);

  // Gives back what of the shared memory has been idle for a while.
  void trim_blob_memory(TimePoint now);

  // The kernel has reported the descriptor: the next service() looks at it.
  void note_descriptor() { descriptor_reported_ = true; }
  // Reads, moves on, writes. Called when ready().
  void service();
  bool ready() const { return !closed_ && (descriptor_reported_ || output_left_ || channel_->ready()); }
  // See Channel::glance().
  Channel::Glance glance() const {
    return descriptor_reported_ || output_left_ ? Channel::Glance{} : channel_->glance();
  }

  // Has `reply` answer a request. Where there is no memory for the answer the caller is told so, and where there is
  // none for that either the connection ends: no call is to wait for ever.
  template <typename Reply>
  void answer(std::uint64_t id, Reply reply);

  // A refusal is told to the peer first.
  void close(const CloseReason& why);
  bool closed() const { return closed_; }

  // Has `use` do something with the session, and sends what there is room for. Where there is no memory for that, the
  // connection ends.
  template <typename Use>
  void use_session(Use use);

  // After a write outside of service(): polls for room if something is left to send.
  void flush_output();

  // Whether a message is expected soon, so that spinning may be worth it.
  bool expects_frames() const;

  // Whose calls go out over it: the client that has dialled, or that of the other side's methods (Driver::peer_client).
  ConnectionOwner* caller = nullptr;
  // Kept by that.
  ReferenceHolds reference_holds;

  // For the AwakeSet: whether and where this is in the set, and whether it has been of use since the last review.
  bool awake = false;
  std::size_t place = 0;
  bool armed = false;  // in the set, but the peer rings; nobody need look for its messages
  bool used = false;

 private:
  Progress on_frame(const FrameHeader& header, ConstBytes body) override;
  bool wants_frame() override;
  bool admits(FrameType type, std::uint8_t flags) override;
  MutableBytes place_of(const FrameHeader& header) override;
  bool write_frame(const FrameHeader& header, std::span<const ConstBytes> parts) override;
  std::size_t max_fragment() const override { return channel_->max_fragment(); }

  Progress say_hello();
  Progress read();
  void tell_refusal(const Error& why);
  void advance_handshake();
  void count_handshake();
  void write_waiting();
  void update_interest();
  void use_blob_memory();
  void stop_trimming() noexcept;

  // What every message touches comes first: of a thousand connections each line of it is cold.
  bool polls_writable_ = false;
  bool descriptor_reported_ = false;
  bool output_left_ = false;  // there was room for more than one run may write
  bool closed_ = false;
  Session::Side side_;
  Context& context_;
  std::uint64_t id_;
  std::unique_ptr<Channel> channel_;
  ConnectionOwner& owner_;
  std::optional<Session> session_;

  bool trims_ = false;  // a timer is set for that
  TimePoint handshake_until_ = kNever;
  Limits limits_;
  Account* account_;
  HandshakeMemory handshake_memory_;
  Handshake handshake_;
  MethodIndex offered_;  // of the peer's HELLO
};

template <typename Use>
void Connection::use_session(Use use) {
  try {
    use(*session_);
  } catch (const std::bad_alloc&) {
    close(CloseReason::out_of_memory());
    return;
  }
  flush_output();
}

template <typename Reply>
void Connection::answer(std::uint64_t id, Reply reply) {
  try {
    reply(*session_);
  } catch (const std::bad_alloc&) {
    if (!session_->reply_out_of_memory(id)) {
      close(CloseReason::out_of_memory());
      return;
    }
  }
  flush_output();
}

}  // namespace ipcbridge
