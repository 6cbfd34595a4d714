#include "tests/core/rpc/session_pair.hpp"

#include <algorithm>
#include <utility>

namespace ipcbridge::testing_support {

Result<std::uint64_t> SessionSide::call(std::uint64_t token, ConstBytes payload, bool notify, std::uint32_t method) {
  Request request;
  request.method = method;
  request.notify = notify;
  request.payload = payload;
  return session.call(token, request);
}

bool SessionSide::write_frame(const FrameHeader& header, std::span<const ConstBytes> parts) {
  if (written.size() >= capacity) return false;
  Frame frame{header, {}};
  for (const ConstBytes part : parts) append(frame.body, part);
  if (frame.body.size() != header.length || header.length > kMaxFrameBody) std::abort();
  written.push_back(std::move(frame));
  return true;
}

void SessionSide::on_request(Session&, std::uint64_t id, const Request& request, MessageStorage* storage) {
  requests.push_back({id, request.method, request.notify, request.timeout_us,
                      Buffer(request.metadata.begin(), request.metadata.end()),
                      Buffer(request.payload.begin(), request.payload.end()), request.streams, request.to_reference,
                      request.passed_with, storage == nullptr ? Attachments() : std::move(storage->attachments)});
}

void SessionSide::on_outcome(Session&, std::uint64_t token, const Outcome& outcome, MessageStorage* storage) {
  outcomes[token].push_back(ended(outcome, storage));
}

SessionSide::Ended SessionSide::ended(const Outcome& outcome, MessageStorage* storage) {
  return {outcome.code,
          outcome.not_started,
          outcome.sent_maybe,
          outcome.remote,
          storage != nullptr,
          std::string(outcome.message),
          Buffer(outcome.payload.begin(), outcome.payload.end()),
          outcome.streams,
          storage == nullptr ? Attachments() : std::move(storage->attachments)};
}

Result<std::uint64_t> SessionSide::call_with_streams(std::uint64_t token, std::uint32_t count, ConstBytes payload) {
  Request request;
  request.payload = payload;
  request.streams.count = count;
  return session.call(token, request);
}

Result<std::uint64_t> SessionSide::call_passing(std::uint64_t token, const std::vector<std::uint64_t>& references,
                                                ConstBytes payload) {
  Request request;
  request.payload = payload;
  request.references = references;
  return session.call(token, request);
}

Result<std::uint64_t> SessionSide::call_reference(std::uint64_t token, std::uint64_t reference) {
  Buffer payload(sizeof reference);
  store(payload.data(), reference);
  Request request;
  request.payload = payload;
  request.to_reference = true;
  return session.call(token, request);
}

Result<StreamRoom> SessionSide::send(std::uint64_t stream, std::string_view values) {
  return session.send_items(stream, items_of(values));
}

bool SessionSide::on_stream_room(Session&, std::uint64_t stream) {
  if (takes_rooms) rooms.push_back(stream);
  return takes_rooms;
}

void SessionSide::on_stream_items(Session&, std::uint64_t stream, std::uint32_t count, ConstBytes values,
                                  MessageStorage* storage) {
  item_bytes[stream] += kItemsPrefixBytes + values.size();
  if (storage != nullptr) {
    item_bytes[stream] += total_bytes(storage->attachments);
    Attachments& kept = item_attachments[stream];
    std::move(storage->attachments.begin(), storage->attachments.end(), std::back_inserter(kept));
  }
  items_at = values.data();
  for (std::uint32_t item = 0; item < count; ++item) {
    const auto size = load<std::uint32_t>(values.data());
    items[stream] += as_text(values.subspan(sizeof size, std::min<std::size_t>(size, 1)));
    values = values.subspan(sizeof size + size);
  }
}

void SessionSide::on_stream_end(Session&, std::uint64_t stream, const Outcome& outcome, MessageStorage* storage) {
  ends[stream].push_back(ended(outcome, storage));
}

Buffer items_of(std::string_view values) {
  Buffer body;
  append(body, static_cast<std::uint32_t>(values.size()));
  for (const char& value : values) {
    append(body, std::uint32_t{1});
    append(body, as_bytes({&value, 1}));
  }
  return body;
}

void SessionSide::on_unsent(Session&, std::uint64_t token, const Request& request, bool begun, const CloseReason&) {
  unsent_begun[token] = begun;
  unsent_attached[token].assign(request.attachments.begin(), request.attachments.end());
  if (!unsent.emplace(token, Buffer(request.payload.begin(), request.payload.end())).second) std::abort();
}

bool deliver_one(SessionSide& from, SessionSide& to, Progress& status) {
  if (from.written.empty()) return false;
  const Frame frame = std::move(from.written.front());
  from.written.pop_front();
  status = to.session.receive(frame.header, frame.body);
  return true;
}

Progress settle(SessionSide& one, SessionSide& two) {
  Progress status;
  for (bool moved = true; moved && status.ok();) {
    moved = deliver_one(one, two, status) || (status.ok() && deliver_one(two, one, status));
    for (SessionSide* side : {&one, &two}) {
      if (side->session.has_output() && side->written.size() < side->capacity) {
        side->session.flush_round();
        moved = true;
      }
    }
  }
  return status;
}

Buffer request_body(std::uint32_t method, std::string_view payload) {
  Request request;
  request.method = method;
  const RequestPrefix prefix = encode_request_prefix(request);
  Buffer body(prefix.begin(), prefix.end());
  append(body, as_bytes(payload));
  return body;
}

Buffer begin_message(std::uint64_t body_bytes, ConstBytes part) {
  AttachmentTable table;
  table.body.bytes = body_bytes;
  Buffer fragment = table.encode();
  append(fragment, part);
  return fragment;
}

}  // namespace ipcbridge::testing_support
