#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/rpc/session.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge::testing_support {

// One side of a conversation: a Session, the frames that it has written and that the other has not read yet,
// and a record of what it was told.
class SessionSide final : FrameWriter, SessionEvents {
 public:
  struct Arrived {
    std::uint64_t id = 0;
    std::uint32_t method = 0;
    bool notify = false;
    std::uint64_t timeout_us = 0;
    Buffer metadata;
    Buffer payload;
    StreamRange streams;
    bool to_reference = false;
    std::optional<std::uint64_t> passed_with;
    Attachments attachments;
  };
  struct Ended {
    Code code = Code::kOk;
    bool not_started = false;
    bool sent_maybe = false;
    bool remote = false;
    bool had_storage = false;
    std::string message;
    Buffer payload;
    StreamRange streams;
    Attachments attachments;
  };

  SessionSide(Session::Side side, const Limits& ours, const Limits& theirs, Account* account = nullptr,
              BlobMemory* shared = nullptr)
      : session(0, side, ours, theirs, *this, *this, account, shared) {}

  Result<std::uint64_t> call(std::uint64_t token, ConstBytes payload, bool notify = false, std::uint32_t method = 0);
  Result<std::uint64_t> call_with_streams(std::uint64_t token, std::uint32_t count, ConstBytes payload = {});
  Result<std::uint64_t> call_passing(std::uint64_t token, const std::vector<std::uint64_t>& references,
                                     ConstBytes payload = {});
  // Of one of the peer's.
  Result<std::uint64_t> call_reference(std::uint64_t token, std::uint64_t reference);
  // Sends a value each of these bytes.
  Result<StreamRoom> send(std::uint64_t stream, std::string_view values);
  Progress receive(FrameType type, std::uint64_t id, ConstBytes body, std::uint8_t flags = 0) {
    return session.receive(header_of(type, id, body.size(), flags), body);
  }

  Session session;
  std::deque<Frame> written;
  std::size_t capacity = ~std::size_t{0};  // frames that may wait in `written`
  std::vector<Arrived> requests;
  std::vector<std::uint64_t> cancelled;
  std::map<std::uint64_t, std::vector<Ended>> outcomes;  // by token
  std::map<std::uint64_t, Buffer> unsent;                // payloads by token
  std::map<std::uint64_t, bool> unsent_begun;            // by token
  std::map<std::uint64_t, Attachments> unsent_attached;  // by token
  int goaways = 0;
  std::map<std::uint64_t, StreamRange> opened;            // by token
  std::map<std::uint64_t, std::string> items;             // by stream: the values, of a byte each
  const std::byte* items_at = nullptr;                    // where the last ones were
  std::map<std::uint64_t, std::uint64_t> item_bytes;      // by stream: of the messages
  std::map<std::uint64_t, Attachments> item_attachments;  // by stream
  std::map<std::uint64_t, std::vector<Ended>> ends;       // by stream
  std::vector<std::uint64_t> cancelled_streams;
  std::vector<std::uint64_t> rooms;
  bool takes_rooms = true;
  std::vector<std::uint64_t> released;  // of this side's references

 private:
  static Ended ended(const Outcome& outcome, MessageStorage* storage);
  bool write_frame(const FrameHeader& header, std::span<const ConstBytes> parts) override;
  void on_request(Session&, std::uint64_t id, const Request& request, MessageStorage* storage) override;
  void on_cancel(Session&, std::uint64_t id) override { cancelled.push_back(id); }
  void on_outcome(Session&, std::uint64_t token, const Outcome& outcome, MessageStorage* storage) override;
  void on_unsent(Session&, std::uint64_t token, const Request& request, bool begun, const CloseReason& why) override;
  void on_goaway(Session&) override { ++goaways; }
  void on_reference_released(Session&, std::uint64_t reference) override { released.push_back(reference); }
  void on_streams_open(Session&, std::uint64_t token, const StreamRange& streams) override { opened[token] = streams; }
  bool on_stream_room(Session&, std::uint64_t stream) override;
  void on_stream_cancelled(Session&, std::uint64_t stream) override { cancelled_streams.push_back(stream); }
  void on_stream_items(Session&, std::uint64_t stream, std::uint32_t count, ConstBytes values,
                       MessageStorage* storage) override;
  void on_stream_end(Session&, std::uint64_t stream, const Outcome& outcome, MessageStorage* storage) override;
};

// Hands `to` the next frame that `from` has written. False when there is none.
bool deliver_one(SessionSide& from, SessionSide& to, Progress& status);

// Delivers and flushes both ways until nothing moves any more.
Progress settle(SessionSide& one, SessionSide& two);

// The body of a STREAM_ITEM with a value each of these bytes.
Buffer items_of(std::string_view values);

Buffer request_body(std::uint32_t method, std::string_view payload);

// The first fragment of a message that carries nothing else: the table that announces a body of so many bytes, and what
// of it follows.
Buffer begin_message(std::uint64_t body_bytes, ConstBytes part);

}  // namespace ipcbridge::testing_support
