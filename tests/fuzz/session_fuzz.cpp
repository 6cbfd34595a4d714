// Frames of any kind against a Session with small limits, between which its owner calls, answers, cancels
// and loses room. Each step is eight bytes: what, type or size, flags, id, length; then a body.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>

#include "core/rpc/session.hpp"

namespace {

using namespace ipcbridge;

constexpr Limits kLimits{64 * 1024, 100 * 1024, 8, 4, 16, 32 * 1024};
// Less than the limits of the connection, so that it is met.
constexpr std::uint64_t kAccountBytes = 50 * 1024;

class Owner final : public FrameWriter, public SessionEvents {
 public:
  Account account{kAccountBytes};
  Session session{0, Session::Side::kAcceptor, kLimits, kLimits, *this, *this, &account};
  std::size_t room = 4;
  std::set<std::uint64_t> calls;  // tokens without an outcome
  std::deque<std::uint64_t> asked;

  bool write_frame(const FrameHeader& header, std::span<const ConstBytes> parts) override {
    if (room == 0) return false;
    --room;
    std::size_t size = 0;
    for (const ConstBytes part : parts) size += part.size();
    if (size != header.length || size > kMaxFrameBody) std::abort();
    return true;
  }
  void on_request(Session&, std::uint64_t id, const Request& request, Buffer* storage) override {
    if (storage == nullptr && request.payload.size() + request.metadata.size() > kMaxFrameBody) std::abort();
    asked.push_back(id);
  }
  void on_cancel(Session&, std::uint64_t) override {}
  void on_outcome(Session&, std::uint64_t token, const Outcome& outcome, Buffer* storage) override {
    if (calls.erase(token) != 1) std::abort();  // each call ends once
    if (storage == nullptr && outcome.payload.size() > kMaxFrameBody) std::abort();
  }
  void on_unsent(Session&, std::uint64_t token, const Request& request, bool, const CloseReason&) override {
    if (calls.erase(token) != 1) std::abort();
    if (request.payload.size() + request.metadata.size() + kRequestPrefixBytes <= kMaxFrameBody) std::abort();
  }
  void on_goaway(Session&) override {}
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
  while (steps.read(what) && steps.read(type) && steps.read(flags) && steps.read(id) && steps.read(length)) {
    const std::uint64_t call_id = (id & 0x7FU) | (static_cast<std::uint64_t>(id >> 7U) << 63U);
    switch (what % 6) {
      case 0: {
        ConstBytes body;
        steps.read(std::min<std::size_t>(length % (kMaxFrameBody + 1), steps.rest().size()), body);
        const FrameHeader header{static_cast<std::uint32_t>(body.size()), static_cast<FrameType>(type), flags, 0,
                                 call_id};
        if (!owner.session.receive(header, body).ok()) {
          owner.session.fail(CloseReason::peer_violation("as told"));
          // Whatever happens, each call ends, and nothing stays charged.
          if (!owner.calls.empty() || owner.account.bytes() != 0) std::abort();
          return 0;
        }
        break;
      }
      case 1: {
        Request request;
        request.payload = ConstBytes(zeros).first(length % zeros.size());
        owner.calls.insert(++token);
        const Result<std::uint64_t> made = owner.session.call(token, request);
        if (!made.ok() || made.value() == 0) {
          owner.calls.erase(token);
        } else {
          made_calls[made.value()] = token;
        }
        break;
      }
      case 2:
        if (owner.asked.empty()) break;
        if (type % 2 == 0) {
          owner.session.reply(owner.asked.front(), ConstBytes(zeros).first(length % zeros.size()));
        } else {
          owner.session.reply_error(owner.asked.front(), Code::kUnknown, false, "no",
                                    ConstBytes(zeros).first(length % zeros.size()));
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
      default:
        owner.session.reply(call_id, {});
    }
    if (owner.session.inbound_calls() > kLimits.max_pending_calls) std::abort();
    if (owner.session.pending_calls() > kLimits.max_pending_calls) std::abort();
  }
  owner.session.fail(CloseReason::peer_gone());
  if (!owner.calls.empty() || owner.account.bytes() != 0) std::abort();
  return 0;
}
