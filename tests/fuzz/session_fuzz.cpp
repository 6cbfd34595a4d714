// Frames of any kind against a Session with small limits and shared memory that finds some of what it is told of,
// between which its owner calls, answers, attaches, passes references, cancels and loses room. Each step is eight
// bytes: what, type or size, flags, id, length; then a body.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/rpc/session.hpp"

namespace {

using namespace ipcbridge;

constexpr Limits kLimits{64 * 1024, 100 * 1024, 8, 4, 16, 32 * 1024};
// Less than the limits of the connection, so that it is met.
constexpr std::uint64_t kAccountBytes = 50 * 1024;

// One segment each way, of which nothing is seen any more in the end.
class Memory final : public BlobMemory {
 public:
  static constexpr std::size_t kBytes = 32UL * 1024;

  Memory() = default;
  ~Memory() override {
    if (opened != 0) std::abort();
  }

  Result<BlobRef> allocate(std::size_t size) override {
    if (mode % 4 == 1) return Error{Code::kResourceExhausted, "full"};
    return mode % 4 == 2 || is_closed ? BlobRef() : make_heap_blob(size);
  }
  std::function<Result<BlobRef>(std::size_t)> allocator() const override { return {}; }
  std::optional<PartPlace> locate(const Attachment& part) override {
    if (mode % 4 == 3 || is_closed) return std::nullopt;
    return PartPlace{part.bytes.size(), 0, 0, 1};
  }
  void close() noexcept override { is_closed = true; }
  Result<BlobRef> open(const PartPlace& place) override {
    if (place.blob == 0) std::abort();
    if (place.segment != 1 || place.bytes > kBytes || place.offset > kBytes - place.bytes) {
      return Error{Code::kDataLoss, "nothing is there"};
    }
    if (place.offset % 16 == 15) return Error{Code::kResourceExhausted, "it cannot be had"};
    return BlobRef(std::make_shared<Lent>(*this, place));
  }
  void decline(const PartPlace& place) noexcept override {
    if (place.blob == 0) std::abort();
  }
  void receive_as(const Receiving&) override {}
  bool trim(TimePoint) override { return false; }

  std::uint8_t mode = 0;
  bool is_closed = false;
  std::size_t opened = 0;  // and not let go

 private:
  class Lent final : public Blob {
   public:
    Lent(Memory& memory, const PartPlace& place)
        : Blob({memory.segment_.data() + place.offset, place.bytes}), memory_(memory) {
      ++memory_.opened;
    }
    ~Lent() override { --memory_.opened; }

   private:
    Memory& memory_;
  };

  Buffer segment_ = Buffer(kBytes);
};

class Owner final : public FrameWriter, public SessionEvents {
 public:
  Memory memory;
  Account account{kAccountBytes};
  Session session{0, Session::Side::kAcceptor, kLimits, kLimits, *this, *this, &account, &memory};
  std::size_t room = 4;
  bool is_over = false;           // the connection
  std::set<std::uint64_t> calls;  // tokens without an outcome
  std::deque<std::uint64_t> asked;
  std::set<std::uint64_t> inbound;   // streams of the peer's that have not ended
  std::set<std::uint64_t> outbound;  // streams of this side that may be sent to
  std::map<std::uint64_t, StreamTotals> arrived;
  std::set<std::uint64_t> shared;     // references of this side, ever
  std::set<std::uint64_t> forgotten;  // of these
  Attachments kept;                   // of the last message that had any

  // As the flags say, the ids of references to pass.
  std::vector<std::uint64_t> references(std::uint8_t flags, bool retained_only) {
    std::vector<std::uint64_t> ids;
    if ((flags & 8U) != 0) ids.push_back(++newest_ | References::kRetained);
    if ((flags & 16U) != 0 && !retained_only) ids.push_back(++newest_);
    if ((flags & 32U) != 0 && !shared.empty() && References::is_retained(*shared.rbegin())) {
      ids.push_back(*shared.rbegin());  // once more
    }
    return ids;
  }
  void share(const std::vector<std::uint64_t>& ids) {
    shared.insert(ids.begin(), ids.end());
    for (const std::uint64_t id : ids) forgotten.erase(id);
  }

  bool write_frame(const FrameHeader& header, std::span<const ConstBytes> parts) override {
    if (room == 0) return false;
    --room;
    std::size_t size = 0;
    for (const ConstBytes part : parts) size += part.size();
    if (size != header.length || size > kMaxFrameBody) std::abort();
    return true;
  }
  void on_request(Session&, std::uint64_t id, const Request& request, MessageStorage* storage) override {
    if (storage == nullptr && request.payload.size() + request.metadata.size() > kMaxSocketFrameBody) std::abort();
    if (request.to_reference) {
      const auto reference = load<std::uint64_t>(request.payload.data());
      if (!shared.contains(reference) || forgotten.contains(reference)) std::abort();
      if (!session.calls_reference(id)) std::abort();
    }
    asked.push_back(id);
    note(request.streams);
    if (storage != nullptr && storage->attachments.size() != request.attachments.size()) std::abort();
    read(storage);
  }
  void on_cancel(Session&, std::uint64_t) override {}
  void on_outcome(Session&, std::uint64_t token, const Outcome& outcome, MessageStorage* storage) override {
    if (calls.erase(token) != 1) std::abort();  // each call ends once
    if (storage == nullptr && outcome.payload.size() > kMaxSocketFrameBody) std::abort();
    note(outcome.streams);
    read(storage);
  }
  void on_unsent(Session&, std::uint64_t token, const Request& request, bool, const CloseReason&) override {
    if (calls.erase(token) != 1) std::abort();
    const std::size_t overhead = kRequestPrefixBytes + kStreamRangeBytes;
    const bool is_short = request.payload.size() + request.metadata.size() + overhead <= kMaxFrameBody;
    if (is_short && request.attachments.empty()) std::abort();  // it is sent whole
  }
  void on_goaway(Session&) override {}
  void on_reference_released(Session&, std::uint64_t reference) override {
    if (!shared.contains(reference) || !References::is_retained(reference)) std::abort();
    if (!is_over && session.shares(reference)) std::abort();
  }
  void on_streams_open(Session&, std::uint64_t, const StreamRange& streams) override {
    for (std::uint64_t id = streams.first; id < streams.end(); ++id) outbound.insert(id);
  }
  void on_stream_cancelled(Session&, std::uint64_t stream) override { outbound.erase(stream); }
  void on_stream_items(Session&, std::uint64_t stream, std::uint32_t count, ConstBytes items,
                       MessageStorage* storage) override {
    if (!inbound.contains(stream)) std::abort();
    arrived[stream].items += count;
    arrived[stream].bytes += kItemsPrefixBytes + items.size() + read(storage);
  }
  void on_stream_end(Session&, std::uint64_t stream, const Outcome&, MessageStorage* storage) override {
    read(storage);
    inbound.erase(stream);  // also one of a request that was refused before anybody heard of it
  }

 private:
  std::uint64_t newest_ = 0;

  // All of what is attached is there; some of it is kept.
  std::size_t read(MessageStorage* storage) {
    if (storage == nullptr) return 0;
    for (const Attachment& each : storage->attachments) {
      for (const std::byte byte : each.bytes) seen_ ^= byte;
    }
    const std::size_t bytes = total_bytes(storage->attachments);
    if (memory.mode % 2 == 0) kept = std::move(storage->attachments);
    return bytes;
  }

  std::byte seen_{};

  void note(const StreamRange& streams) {
    for (std::uint64_t id = streams.first; id < streams.end(); ++id) inbound.insert(id);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Owner owner;
  ByteReader steps(std::as_bytes(std::span(data, size)));
  std::uint64_t token = 0;
  std::map<std::uint64_t, std::uint64_t> made_calls;  // id -> token
  std::uint8_t what = 0;
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint8_t id = 0;
  std::uint32_t length = 0;
  const Buffer zeros(70'000);
  Attachments attached;
  const auto payload = [&](std::uint32_t bytes) {
    return Payload(ConstBytes(zeros).first(bytes % zeros.size()), attached);
  };
  const auto keeps_nothing = [&owner] {
    owner.kept.clear();
    if (owner.session.lent_blobs() != 0) return false;
    const auto shares = [&owner](std::uint64_t reference) { return owner.session.shares(reference); };
    return owner.calls.empty() && owner.account.bytes() == 0 && owner.session.open_streams() == 0 &&
           std::none_of(owner.shared.begin(), owner.shared.end(), shares);
  };
  while (steps.read(what) && steps.read(type) && steps.read(flags) && steps.read(id) && steps.read(length)) {
    const std::uint64_t call_id = (id & 0x7FU) | (static_cast<std::uint64_t>(id >> 7U) << 63U);
    switch (what % 13) {
      case 0: {
        ConstBytes body;
        steps.read(std::min<std::size_t>(length % (kMaxSocketFrameBody + 1), steps.rest().size()), body);
        const FrameHeader header{static_cast<std::uint32_t>(body.size()), static_cast<FrameType>(type), flags, 0,
                                 call_id};
        if (!owner.session.receive(header, body).ok()) {
          owner.is_over = true;
          owner.session.fail(CloseReason::peer_violation("as told"));
          // Whatever happens, each call ends, and nothing stays charged.
          if (!keeps_nothing()) std::abort();
          return 0;
        }
        break;
      }
      case 1: {
        Request request;
        request.payload = ConstBytes(zeros).first(length % zeros.size());
        request.attachments = attached;
        request.streams.count = flags % 3;
        const std::vector<std::uint64_t> references = owner.references(flags, false);
        request.references = references;
        owner.calls.insert(++token);
        const Result<std::uint64_t> made = owner.session.call(token, request);
        if (!made.ok() || made.value() == 0) {
          owner.calls.erase(token);
        } else {
          made_calls[made.value()] = token;
          owner.share(references);
        }
        break;
      }
      case 2:
        if (owner.asked.empty()) break;
        if (type % 2 == 0) {
          const std::uint32_t count = flags % 3;
          const std::vector<std::uint64_t> references = owner.references(flags, true);
          const std::uint64_t first = owner.session.reply(owner.asked.front(), payload(length), count, references);
          owner.share(references);
          for (std::uint32_t place = 0; first != 0 && place < count; ++place) owner.outbound.insert(first + place);
        } else {
          owner.session.reply_error(owner.asked.front(), Code::kUnknown, false, "no", payload(length));
        }
        owner.asked.pop_front();
        break;
      case 3:
        owner.room = type % 8;
        owner.session.flush_round();
        break;
      case 4:
        if (type == 77) owner.session.goaway();
        if (const auto found = made_calls.find(call_id); type % 2 == 0 && found != made_calls.end()) {
          owner.calls.erase(found->second);  // a cancelled call has no outcome
          owner.session.cancel(call_id);
        }
        break;
      case 5:
        if (!owner.outbound.empty()) {
          const std::uint64_t stream = *owner.outbound.begin();
          if (type % 8 == 0) {
            const Error why{Code::kUnknown, "no"};
            owner.session.end_stream(stream, length == 0 ? nullptr : &why, payload(length));
            owner.outbound.erase(stream);
          } else if (const Result<StreamRoom> room = owner.session.stream_room(stream);
                     room.ok() && !room.value().empty()) {
            Buffer body;
            append(body, std::uint32_t{1});
            append(body, static_cast<std::uint32_t>(length % zeros.size()));
            append(body, ConstBytes(zeros).first(length % zeros.size()));
            static_cast<void>(owner.session.send_items(stream, Payload(body, attached)));
          }
        }
        break;
      case 6:
        for (const auto& [stream, totals] : std::exchange(owner.arrived, {})) {
          owner.session.consume_stream(stream, totals.items, totals.bytes);
        }
        break;
      case 7:
        if (!owner.inbound.empty()) {
          const std::uint64_t stream = *owner.inbound.begin();
          owner.inbound.erase(stream);
          owner.session.cancel_stream(stream);
        }
        break;
      case 8:
        if (!owner.shared.empty()) {
          owner.session.forget_reference(*owner.shared.rbegin());
          owner.forgotten.insert(*owner.shared.rbegin());
        }
        break;
      case 9:
        owner.session.release(call_id, type);
        break;
      case 10:
        // What is attached to what comes next.
        attached.clear();
        for (int i = 0; i < type % 4; ++i) attached.emplace_back(make_heap_blob(length % zeros.size()));
        owner.memory.mode = flags;
        break;
      case 11: {
        owner.kept.clear();
        const std::vector<std::uint64_t> numbers(1 + type % 4, call_id);
        owner.session.free_blobs(numbers);
        break;
      }
      default:
        owner.session.reply(call_id, {});
    }
    if (owner.session.inbound_calls() > kLimits.max_pending_calls) std::abort();
    if (owner.session.pending_calls() > kLimits.max_pending_calls) std::abort();
  }
  owner.is_over = true;
  owner.session.fail(CloseReason::peer_gone());
  if (!keeps_nothing()) std::abort();
  return 0;
}
