#include "core/transport/ring_channel.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include "core/base/cpu.hpp"
#include "core/base/known_ids.hpp"
#include "core/transport/socket.hpp"

namespace ipcbridge {
namespace {

bool is_own_user(const Principal& peer) {
  const auto* local = std::get_if<LocalPeer>(&peer);
  return local != nullptr && local->uid == effective_user();
}

bool tells_of_segment(FrameType type) {
  return type == FrameType::kSegment || type == FrameType::kDropSegment || type == FrameType::kLostSegment;
}

}  // namespace

RingChannel::RingChannel(System& system, Fd socket, Principal peer, const Own& own, const Theirs& theirs)
    : reader_(theirs.state, theirs.ring, theirs.ring_bytes, own.state),
      writer_(own.state, own.ring, own.ring_bytes, theirs.state),
      own_(own.state),
      theirs_(theirs.state),
      system_(system),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      blobs_(system, *this, is_own_user(peer_)) {}

RingChannel::~RingChannel() { hang_up(system_, std::move(socket_)); }

bool RingChannel::write(const FrameHeader& header, std::span<const ConstBytes> parts) {
  // Who was refused before is told of space by a read, also when there was enough for this.
  const bool others_wait = writer_.waiting();
  while (!writer_.write(header, parts)) {
    if (writer_.corrupt() || writer_.wait_for_space()) return false;
  }
  if (!others_wait) writer_.stop_waiting();
  if (writer_.must_ring()) ring_doorbell();
  return true;
}

void RingChannel::ring_doorbell() {
  const std::byte bell{1};
  const ConstBytes part(&bell, 1);
  // EAGAIN: so many rings are waiting that one more says nothing new. Any other failure leaves a peer asleep
  // that should be awake; better that the connection ends.
  if (send_parts(system_, socket_.get(), {&part, 1}) < 0 && errno != EAGAIN) closed_ = true;
}

// `drained`: there was nothing to receive.
void RingChannel::answer_doorbell(bool& drained) {
  std::array<std::byte, 256> bells{};
  Received received = receive(system_, socket_.get(), bells);
  drained = received.bytes < 0;
  if (received.bytes == 0 || (received.bytes < 0 && errno != EAGAIN && errno != EINTR)) closed_ = true;
  if (received.fd.valid() || received.lost_fd) blobs_.on_descriptor(std::move(received.fd));
}

bool RingChannel::pass(int descriptor) {
  const std::byte bell{1};
  const ConstBytes part(&bell, 1);
  return send_parts(system_, socket_.get(), {&part, 1}, descriptor) == 1;
}

bool RingChannel::tell(FrameType type, ConstBytes body) {
  const FrameHeader header{static_cast<std::uint32_t>(body.size()), type, 0, 0, 0};
  return RingChannel::write(header, {&body, 1});
}

// Its descriptor was sent before the frame was written.
Progress RingChannel::read_segment(ConstBytes body) {
  bool drained = false;
  while (!blobs_.has_descriptor() && !closed_ && !drained) answer_doorbell(drained);
  return blobs_.on_segment(body);
}

Progress RingChannel::hand_on(const shm::RingReader::Record& record, FrameSink& sink) {
  if (!tells_of_segment(record.header.type)) [[likely]]
    return sink.on_frame(record.header, record.body);
  const ByteBlock body(record.body);  // it is read where the peer can still write
  if (record.header.type == FrameType::kSegment) return read_segment(body);
  return record.header.type == FrameType::kDropSegment ? blobs_.on_drop(body) : blobs_.on_lost(body);
}

Progress RingChannel::read(FrameSink& sink, ReadBudget budget, bool fd_ready) {
  // Space that was wanted is reported once: whoever wants more of it writes again after this, and whoever
  // wants none any more is not kept awake by it.
  if (writer_.waiting() && writer_.space_arrived()) writer_.stop_waiting();
  // The hang-up is looked for first: what the peer wrote before it went is then still found below.
  bool drained = false;
  if (fd_ready && !closed_ && blobs_.has_room()) answer_doorbell(drained);
  shm::RingReader::Record record;
  auto next = shm::RingReader::Next::kEmpty;
  while ((next = reader_.peek(record)) == shm::RingReader::Next::kRecord) {
    const std::size_t size = sizeof record.header + record.header.length;
    if (budget.frames == 0 || budget.bytes < size || !sink.wants_frame()) break;
    --budget.frames;
    budget.bytes -= size;
    if (Progress progress = hand_on(record, sink); !progress.ok()) return progress;
    reader_.consume();
  }
  if (reader_.publish()) ring_doorbell();
  if (next == shm::RingReader::Next::kCorrupt || writer_.corrupt()) {
    return CloseReason::peer_violation("nonsense in its shared memory");
  }
  if (closed_ && next == shm::RingReader::Next::kEmpty) {
    return CloseReason::peer_gone();
  }
  // Each is named before the next is sent; and while these lie here, nobody would see the peer go.
  if (next == shm::RingReader::Next::kEmpty && !blobs_.has_room()) {
    return CloseReason::peer_violation("descriptors that it does not name");
  }
  return {};
}

bool RingChannel::ready() const {
  return reader_.ready() || is_over() || (writer_.waiting() && writer_.space_arrived());
}

Channel::Glance RingChannel::glance() const {
  if (is_over() || writer_.waiting() || reader_.ready()) return {};
  return {&theirs_.write_index, reader_.position(), reader_.next_record()};
}

bool RingChannel::peer_is_on_this_cpu() const { return theirs_.cpu.load(std::memory_order_relaxed) == current_cpu(); }

void RingChannel::tell_activity(const std::optional<shm::Activity>& activity) {
  own_.activity.store(shm::pack_activity(activity), std::memory_order_relaxed);
}

std::optional<shm::Activity> RingChannel::peer_activity(TimePoint now) const {
  return shm::unpack_activity(theirs_.activity.load(std::memory_order_relaxed), now);
}

bool RingChannel::prepare_sleep() {
  if (!reader_.prepare_sleep()) return false;
  // The peer may have answered the wish with less space than is needed, so it is renewed for each sleep.
  if (!is_over() && (!writer_.waiting() || writer_.wait_for_space())) return true;
  reader_.wake();
  return false;
}

}  // namespace ipcbridge
