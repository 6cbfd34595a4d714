// Session: functions and objects of one side that the other calls.
#include <algorithm>
#include <utility>

#include "core/rpc/session.hpp"

namespace ipcbridge {

// `is_gone`: the call has been answered.
Progress Session::find_reference(std::uint64_t id, Request& request, bool& is_gone) {
  ByteReader reader(request.payload);
  std::uint64_t reference = 0;
  if (!reader.read(reference)) return CloseReason::peer_violation("a call of a reference that names none");
  switch (references_.standing(reference)) {
    case References::Standing::kNeverShared:
      return CloseReason::peer_violation("a call of a reference that it was not given");
    case References::Standing::kGone:
      is_gone = true;
      reply_error(id, Code::kFailedPrecondition, true,
                  "the reference is gone: a function lives as long as the call that it was passed to, and a retained "
                  "one, or an object, until it is released or the connection ends",
                  {});
      return {};
    case References::Standing::kValid:
      break;
  }
  request.to_reference = true;
  inbound_.find(id)->to_reference = true;
  const Pending* pending = pending_.find(references_.call_of(reference));
  if (pending != nullptr && !pending->abandoned) request.passed_with = pending->token;
  return {};
}

bool Session::calls_reference(std::uint64_t id) {
  const Inbound* inbound = inbound_.find(id);
  return inbound != nullptr && inbound->to_reference;
}

void Session::release(std::uint64_t reference, std::uint64_t times) {
  Buffer body(2 * sizeof(std::uint64_t));
  store(body.data(), reference);
  store(body.data() + sizeof(std::uint64_t), times);
  send(FrameType::kRelease, 0, {std::move(body), {}});
}

Progress Session::receive_release(ConstBytes body) {
  ByteReader reader(body);
  std::uint64_t reference = 0;
  std::uint64_t times = 0;
  if (!reader.read(reference) || !reader.read(times) || !reader.rest().empty()) {
    return CloseReason::peer_violation("a malformed release");
  }
  if (references_.standing(reference) == References::Standing::kNeverShared) {
    return CloseReason::peer_violation("a release of a reference that it was not given");
  }
  if (references_.release(reference, times)) events_.on_reference_released(*this, reference);
  return {};
}

// The references that a result names which nobody receives: all of it, or the beginning.
void Session::give_back(std::uint8_t flags, ConstBytes result) {
  if ((flags & kFlagReferences) == 0) return;
  if ((flags & kFlagStreams) != 0) result = result.subspan(std::min(result.size(), kStreamRangeBytes));
  ByteReader reader(result);
  std::uint32_t count = 0;
  std::uint64_t reference = 0;
  for (reader.read(count); count > 0 && reader.read(reference); --count) release(reference, 1);
}

bool Session::keep_for_peer(std::uint64_t bytes) {
  if (!share_.has_room(bytes)) return false;
  share_.charge(bytes);
  return true;
}

}  // namespace ipcbridge
