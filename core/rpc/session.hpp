#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/blob_memory.hpp"
#include "core/base/bytes.hpp"
#include "core/base/close_reason.hpp"
#include "core/base/frame.hpp"
#include "core/base/id_map.hpp"
#include "core/base/result.hpp"
#include "core/rpc/account.hpp"
#include "core/rpc/hello.hpp"
#include "core/rpc/lent_blobs.hpp"
#include "core/rpc/message.hpp"
#include "core/rpc/outbox.hpp"
#include "core/rpc/reassembly.hpp"
#include "core/rpc/references.hpp"
#include "core/rpc/stream.hpp"

namespace ipcbridge {

class Session;

// What Sessions tell their owner, which may have many and knows them by their numbers. Views are valid during the call
// only. A `storage` that is not null holds the view's bytes and may be moved from, which saves copying a long message,
// and what is attached to it. A message with attachments has one.
class SessionEvents {
 public:
  SessionEvents() = default;
  virtual ~SessionEvents() = default;
  SessionEvents(const SessionEvents&) = delete;
  SessionEvents& operator=(const SessionEvents&) = delete;

  // Calls of the peer.
  virtual void on_request(Session& session, std::uint64_t id, const Request& request, MessageStorage* storage) = 0;
  virtual void on_cancel(Session& session, std::uint64_t id) = 0;
  // The connection is lost; this notification has not been answered. False: it is to be cancelled.
  virtual bool keeps_notification(Session& /*session*/, std::uint64_t /*id*/, std::uint64_t /*bytes*/) { return false; }

  // Calls of this side.
  virtual void on_outcome(Session& session, std::uint64_t token, const Outcome& outcome, MessageStorage* storage) = 0;
  // Instead of an outcome: the connection was lost before all of this call had been sent, so it surely did not run.
  // `begun`: a part had been sent.
  virtual void on_unsent(Session& session, std::uint64_t token, const Request& request, bool begun,
                         const CloseReason& why) = 0;

  virtual void on_goaway(Session& session) = 0;

  // A retained reference of this side's is not shared over this connection any more.
  virtual void on_reference_released(Session& /*session*/, std::uint64_t /*reference*/) {}

  // Streams of this side. The call that carries them has been sent: they may begin.
  virtual void on_streams_open(Session& /*session*/, std::uint64_t /*token*/, const StreamRange& /*streams*/) {}
  // There is room again for items. False: to be told again, by tell_rooms().
  virtual bool on_stream_room(Session& /*session*/, std::uint64_t /*stream*/) { return true; }
  // Nobody reads it any more: whatever makes its items is to end.
  virtual void on_stream_cancelled(Session& /*session*/, std::uint64_t /*stream*/) {}

  // Streams of the peer. `items` is what follows their number in the message.
  virtual void on_stream_items(Session& /*session*/, std::uint64_t /*stream*/, std::uint32_t /*count*/,
                               ConstBytes /*items*/, MessageStorage* /*storage*/) {}
  // Nothing follows; an error says why.
  virtual void on_stream_end(Session& /*session*/, std::uint64_t /*stream*/, const Outcome& /*outcome*/,
                             MessageStorage* /*storage*/) {}
};

// One connection's protocol after the handshake, as a state machine without I/O: frames come in through
// receive() and go out through a FrameWriter; it knows no clock, thread or socket, and payloads are opaque
// to it. Both sides may call. Not thread-safe.
//
// Each REQUEST and NOTIFY is answered exactly once, also when it was cancelled, so that both sides count
// the same calls against the receiver's grant. What the peer may not do ends in a reason from receive(),
// with which the session must be failed.
//
// Where there is no memory for a message, its call fails with resource_exhausted and everything else goes on. A method
// of this side that throws std::bad_alloc has done nothing.
//
// A request or its reply may carry streams (session_outbound_streams.cpp, session_inbound_streams.cpp). Those of a
// request live until it has been answered and the streams of its reply have ended. A stream ends by its sender's
// STREAM_END, once, also when its receiver has cancelled it, so that both sides count the same streams as open.
//
// What it keeps for the peer is charged to `account`, where there is one, until fail(). A call for which the account
// has no room is answered with resource_exhausted; the peer's other calls, and the connection, go on.
class Session {
 public:
  enum class Side : std::uint8_t { kConnector, kAcceptor };

  // `number` is the owner's name for it. Without `shared` all bytes of a message travel in its frames.
  Session(std::uint64_t number, Side side, const Limits& ours, const Limits& theirs, FrameWriter& writer,
          SessionEvents& events, Account* account = nullptr, BlobMemory* shared = nullptr);

  std::uint64_t number() const { return number_; }

  Progress receive(const FrameHeader& header, ConstBytes body);

  // Where the body of such a frame belongs, so that it can be received there; empty when it may be anywhere.
  MutableBytes place_of(const FrameHeader& header) { return reassembly_.place_of(header); }

  // These of what the peer has in shared memory, of which there are some, are needed no more.
  static constexpr std::size_t kMostFreed = kMaxFrameBody / sizeof(std::uint64_t);
  void free_blobs(std::span<const std::uint64_t> numbers);
  // What of this side's the peer has there.
  std::size_t lent_blobs() const { return lent_.size(); }

  // Begins a call; on_outcome(token) follows, unless it is cancelled before. Gives the call's id, or 0
  // when the peer's grant or the channel has no room now (nothing was sent: try again when a call has been answered, or
  // after flush_round()). resource_exhausted when the message exceeds what the peer accepts, unavailable after a
  // GOAWAY.
  Result<std::uint64_t> call(std::uint64_t token, const Request& request);

  // The caller wants no outcome any more; the callee is told. False when the call surely did not run, because its last
  // fragment had not been sent.
  bool cancel(std::uint64_t id);

  // Answers a request; an id that is not pending (the peer is gone, or it was answered) is ignored. Gives the id of the
  // first of so many streams that the result carries; 0 when there are none, or when it was answered by an error.
  // `references`: that the result tells of, all of them retained.
  std::uint64_t reply(std::uint64_t id, const Payload& payload, std::uint32_t streams = 0,
                      std::span<const std::uint64_t> references = {});
  void reply_error(std::uint64_t id, Code code, bool not_started, std::string_view message, const Payload& details);

  // Answers a request for whose answer there is no memory. False when there is none for that either.
  bool reply_out_of_memory(std::uint64_t id);

  // What may be sent of a stream of this side; where that is nothing on_stream_room() follows. An error (cancelled)
  // when the stream is over.
  Result<StreamRoom> stream_room(std::uint64_t stream);
  // The same of an open one, and nothing follows.
  StreamRoom known_room(std::uint64_t stream) { return room_of(*outbound_streams_.find(stream)); }

  // Sends items, as many as there is room for; `body` is that of the message. Gives what may follow. Errors: cancelled,
  // as above; resource_exhausted when the peer accepts no such message, or there is no memory for it. Then nothing has
  // been sent.
  Result<StreamRoom> send_items(std::uint64_t stream, const Payload& body);

  // To be called where stream_room() or send_items() has said that nothing may be sent, for stream_activity(): the
  // session knows no clock.
  void note_stalled(std::uint64_t stream, TimePoint now);

  // No more items follow; `error`, where there is one, says why.
  void end_stream(std::uint64_t stream, const Error* error = nullptr, const Payload& details = {});

  // The consumer of a stream of the peer's has taken so many items, which came in so many bytes.
  void consume_stream(std::uint64_t stream, std::uint64_t items, std::uint64_t bytes);

  // It wants no more of it; no event follows.
  void cancel_stream(std::uint64_t stream);

  // Tells anew of room that could not be told of.
  void tell_rooms();

  // Tells the peer to begin no more calls here. Those that cross this arrive as ever: to refuse them would fail calls
  // that nobody could have known to send elsewhere.
  void goaway();

  // Whether this inbound call is of a reference.
  bool calls_reference(std::uint64_t id);
  // A retained reference of the peer's, which has come so often, is needed no more.
  void release(std::uint64_t reference, std::uint64_t times);
  // One of this side's is not to be called any more.
  void forget_reference(std::uint64_t reference) { references_.forget(reference); }
  bool shares(std::uint64_t reference) { return references_.standing(reference) == References::Standing::kValid; }

  // Counts bytes that are kept for the peer for as long as the session lives. False when its account has no room.
  bool keep_for_peer(std::uint64_t bytes);

  // Sends what waits for room. False when the channel has no more room.
  bool flush_round() { return outbox_.flush_round(); }
  bool has_output() const { return !outbox_.empty(); }

  // The connection is lost: every pending call ends with `unavailable` or as unsent, every running one is cancelled.
  void fail(const CloseReason& why);

  std::size_t pending_calls() const { return pending_.size(); }
  std::size_t inbound_calls() const { return inbound_.size(); }
  // What a call of this size that finds no room waits for, to be told: "the service, which ...".
  std::string describe_wait(std::size_t bytes) const;
  StreamActivity stream_activity() const;
  std::size_t open_streams() const { return open_inbound_streams_ + outbound_streams_.size(); }
  bool idle() const { return pending_.empty() && inbound_.empty() && open_streams() == 0 && outbox_.empty(); }
  bool expects_frames() const { return !pending_.empty() || open_inbound_streams_ != 0; }

 private:
  struct Pending {
    std::uint64_t token = 0;
    std::uint64_t bytes = 0;
    std::uint64_t charged = 0;  // to the account, for what has come of the answer
    bool abandoned = false;
    bool skipped = false;      // the rest of the answer is dropped
    bool has_streams = false;  // among its arguments
  };
  struct Inbound {
    std::uint64_t bytes = 0;
    std::uint64_t charged = 0;  // to the account
    bool notify = false;        // the answer says only that it is over
    bool refused = false;       // for want of room in the account, or of memory: its fragments are dropped
    bool complete = false;      // handed to the owner
    bool answered = false;      // the answer waits in the outbox
    bool must_arrive = false;   // and brings streams or references, of which the caller has to know
    bool cancelled = false;     // the owner knows
    bool to_reference = false;
  };

  struct InboundStream {
    StreamWindow window;
    std::uint64_t call = 0;  // that brought it
    std::uint64_t charged = 0;
    bool ended = false;      // by its sender; the consumer has not taken all of it
    bool cancelled = false;  // by this side; the peer's word for that is to come
    bool skips = false;      // then: the rest of a message is to come
  };
  struct OutboundStream {
    StreamCredit credit;
    std::uint64_t call = 0;
    bool announced = false;  // the message that carries it has been sent
    bool in_outbox = false;  // some of its items are
    bool wants_room = false;
    TimePoint stalled_since = kNever;   // while it wants room
    bool ended = false;                 // the last message is on its way
    std::unique_ptr<WaitingBytes> end;  // that message, before the stream is announced
  };
  // An inbound call's.
  struct CallStreams {
    StreamRange arguments;
    std::uint32_t open_results = 0;
    std::uint64_t charged = 0;  // to the account, for how the arguments have ended
  };

  bool is_ours(std::uint64_t id) const { return (id & kSideBit) == our_bit_; }
  bool admits(std::uint64_t bytes) const;
  void on_sent(FrameType type, std::uint64_t id);
  void finish_inbound(std::uint64_t id);
  bool charge(Inbound& inbound, std::uint64_t bytes);
  bool charge(std::uint64_t id, InboundStream& stream, std::uint64_t bytes);
  void forget_body(Inbound& inbound);
  std::string over_account() const;
  void begin_call(std::uint64_t id, const Pending& pending, std::uint32_t streams);
  void fail_call(std::uint64_t id, const Pending& pending, const CloseReason& why);
  void send(FrameType type, std::uint64_t id, WaitingBytes bytes);

  // A message as it is given, and as it is to travel (session_messages.cpp).
  struct Outgoing;
  class Packed;
  // What a frame brings, which begins a message or goes on with one: with what it says to be in shared memory.
  std::uint64_t weight(const FrameHeader& header, ConstBytes body, bool begins) const;
  void turn_away(const FrameHeader& header, ConstBytes body);
  bool is_part(const FrameHeader& header) {
    return (header.flags & (kFlagMore | kFlagAttached)) != 0 || reassembly_.has(header.call_id);
  }
  Progress receive_free(ConstBytes body);

  Progress dispatch(const FrameHeader& header, ConstBytes body);
  Progress give_up_message(const FrameHeader& header);
  Progress give_up_request(const FrameHeader& header);
  void give_up_answer(const FrameHeader& header, ConstBytes body, std::string_view why);
  void skip_answer(const FrameHeader& header, ConstBytes body, Pending& pending);
  void end_answer(std::uint64_t id, Inbound& inbound);
  void send_out_of_memory(std::uint64_t id, bool not_started);
  // `streams`: of its result.
  Pending take_pending(std::uint64_t id, std::uint32_t streams = 0);
  Progress receive_ping(std::uint64_t id);
  Progress receive_request(const FrameHeader& header, ConstBytes body);
  void refuse_body(std::uint64_t id, Inbound& inbound);
  Progress refuse_request(const FrameHeader& header, Inbound& inbound);
  Progress start_request(const FrameHeader& header, ConstBytes body, MessageStorage* storage);
  Progress receive_answer(const FrameHeader& header, ConstBytes body);
  Progress finish_call(const FrameHeader& header, ConstBytes body, MessageStorage* storage);
  Progress receive_cancel(std::uint64_t id);
  Progress find_reference(std::uint64_t id, Request& request, bool& is_gone);
  Progress receive_release(ConstBytes body);
  void give_back(std::uint8_t flags, ConstBytes result);

  Status check_room_for_streams(std::uint32_t count) const;
  StreamRange open_streams(std::uint64_t call, std::uint32_t count);
  void note_announced(std::uint64_t call);
  void abandon_streams(std::uint64_t call, bool unsent);
  std::uint32_t count_streams(std::uint64_t call);
  StreamRoom room_of(const OutboundStream& stream) const;
  void tell_room(std::uint64_t id, OutboundStream& stream);
  void end_stream(std::uint64_t id, OutboundStream& stream, WaitingBytes body);
  void forget_stream(std::uint64_t id);
  void release_arguments(std::uint64_t call);
  void cancel_inbound(std::uint64_t id, InboundStream& stream);
  void skip(InboundStream& stream, const FrameHeader& header, ConstBytes body);
  void cancel_streams_of(std::uint64_t call);
  void fail_streams(const CloseReason& why);
  Progress announce(const FrameHeader& header, ConstBytes body);
  // Of a message that carries some, before which they stand.
  Result<StreamRange> carried_streams(const FrameHeader& header, ConstBytes& body);
  void reserve_results(std::uint64_t call, std::uint32_t count);
  std::uint64_t open_results(std::uint64_t call, std::uint32_t count);
  void abandon_results(std::uint64_t call);
  Progress receive_items(const FrameHeader& header, ConstBytes body);
  Progress start_items(std::uint64_t id, InboundStream& stream, ConstBytes body, MessageStorage* storage);
  Progress receive_end(const FrameHeader& header, ConstBytes body);
  Progress finish_stream(std::uint64_t id, ConstBytes body, MessageStorage* storage);
  Progress receive_stream_cancel(std::uint64_t id);
  Progress receive_credit(const FrameHeader& header, ConstBytes body);
  Progress give_up_stream(const FrameHeader& header);

  static constexpr std::uint64_t kSideBit = 1ULL << 63U;
  // Answers that the peer does not read are kept up to this many bytes; beyond it a reply shrinks to an error.
  static constexpr std::uint64_t kMaxUnsentBytes = 256ULL * 1024 * 1024;

  // In the order of use: what most messages do not touch comes last.
  FrameWriter& writer_;
  SessionEvents& events_;
  std::uint64_t number_;
  std::uint64_t our_bit_;
  std::uint64_t next_id_ = 1;
  IdMap<Pending> pending_;
  std::uint64_t pending_bytes_ = 0;
  IdMap<Inbound> inbound_;
  std::uint64_t inbound_bytes_ = 0;
  bool goaway_sent_ = false;
  bool goaway_received_ = false;
  Limits theirs_;
  Limits ours_;
  AccountShare share_;
  Outbox outbox_;
  BlobMemory* shared_;
  LentBlobs lent_;
  Reassembly reassembly_;
  IdMap<InboundStream> inbound_streams_;
  std::uint32_t open_inbound_streams_ = 0;  // of these, that have not ended
  Buffer items_;                            // the copy of those that have just come; its memory is used again
  IdMap<OutboundStream> outbound_streams_;
  std::uint32_t unannounced_streams_ = 0;  // of these
  IdMap<CallStreams> call_streams_;
  bool has_untold_rooms_ = false;
  References references_;  // of this side
};

}  // namespace ipcbridge
