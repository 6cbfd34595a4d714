#include "core/transport/ring_memory.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/lending.hpp"
#include "core/transport/socket.hpp"

namespace ipcbridge {
RingMemory::RingMemory(System& system, SegmentCarrier& carrier, bool in_place)
    : system_(system),
      carrier_(carrier),
      audience_(std::make_shared<int>()),
      pool_(std::make_shared<shm::BlobPool>(system, kMaxLentBytes, audience_)),
      peer_(system, in_place) {}

// Descriptors that no frame has named may be anything.
RingMemory::~RingMemory() {
  for (Fd& memory : arrived_) discard(std::move(memory));
}

std::optional<PartPlace> RingMemory::locate(const Attachment& part) {
  if (!audience_) return std::nullopt;
  const shm::BlobPool::Location found = shm::BlobPool::claim(part, audience_);
  if (!found.segment) return std::nullopt;
  const std::optional<std::uint32_t> number = number_of(found.segment);
  if (!number) return std::nullopt;
  return PartPlace{part.bytes.size(), 0, found.offset, *number};
}

// What the peer knows it by. Nothing when it cannot be told now.
std::optional<std::uint32_t> RingMemory::number_of(const std::shared_ptr<shm::BlobSegment>& segment) {
  drop_values_that_went();
  if (!tell_all()) return std::nullopt;
  const auto known = known_.find(segment.get());
  if (known != known_.end()) return known->second.is_lost ? std::nullopt : std::optional(known->second.number);
  if (!may_pass(*segment)) return std::nullopt;
  const std::uint32_t number = next_number_;
  untold_.reserve(untold_.size() + 1);
  of_one_value_.reserve(of_one_value_.size() + 1);
  known_.emplace(segment.get(), Known{number});
  untold_.push_back({number, segment->mapping.size()});
  if (!carrier_.pass(segment->memory.get())) {
    known_.erase(segment.get());
    untold_.pop_back();
    return std::nullopt;
  }
  ++next_number_;
  segment->memory.reset();  // nobody else ever sees it
  if (segment->is_of_one_value) of_one_value_.push_back(segment);
  return tell_all() ? std::optional(number) : std::nullopt;
}

// What a pool lends is bounded there.
bool RingMemory::may_pass(const shm::BlobSegment& segment) const {
  if (known_.size() >= shm::PeerBlobs::kMaxSegments || peer_is_out_of_descriptors()) return false;
  if (!segment.is_of_one_value) return true;
  std::uint64_t lent = 0;
  for (const auto& each : of_one_value_) lent += each->mapping.size();
  return segment.mapping.size() <= kMaxLentBytes - std::min(lent, kMaxLentBytes);
}

bool RingMemory::peer_is_out_of_descriptors() const {
  if (!peer_lost_at_) return false;
  const auto lost = std::count_if(known_.begin(), known_.end(), [](const auto& each) { return each.second.is_lost; });
  return system_.now() - *peer_lost_at_ < retry_after_ || static_cast<std::size_t>(lost) >= kMaxLost;
}

// No blob is left of those that only this has.
void RingMemory::drop_values_that_went() {
  dropped_.reserve(dropped_.size() + of_one_value_.size());
  std::erase_if(of_one_value_, [this](const std::shared_ptr<shm::BlobSegment>& segment) {
    if (segment.use_count() > 1) return false;
    const auto known = known_.find(segment.get());
    dropped_.push_back(known->second.number);
    known_.erase(known);
    return true;
  });
}

// False when there is no room for all that the peer is to know before it is told of anything else.
bool RingMemory::tell_all() {
  while (!untold_.empty()) {
    std::array<std::byte, 16> body{};
    store(body.data(), untold_.front().number);
    store(body.data() + 8, untold_.front().size);
    if (!carrier_.tell(FrameType::kSegment, body)) return false;
    untold_.erase(untold_.begin());
  }
  return tell(FrameType::kDropSegment, dropped_);
}

bool RingMemory::tell(FrameType type, std::vector<std::uint32_t>& numbers) {
  while (!numbers.empty()) {
    std::array<std::byte, 8> body{};
    store(body.data(), numbers.back());
    if (!carrier_.tell(type, body)) return false;
    numbers.pop_back();
  }
  return true;
}

std::function<Result<BlobRef>(std::size_t)> RingMemory::allocator() const {
  return [pool = pool_](std::size_t size) { return pool->allocate(size); };
}

// What the peer has seen is not used again, also where it has come from the process's pool.
void RingMemory::close() noexcept {
  pool_->close();
  audience_.reset();
}

bool RingMemory::trim(TimePoint since) {
  drop_values_that_went();
  dropped_.reserve(dropped_.size() + known_.size());
  for (shm::BlobPool* pool : {pool_.get(), &shm::BlobPool::of_process()}) {
    for (const std::shared_ptr<shm::BlobSegment>& segment : pool->trim(since, audience_)) {
      const auto known = known_.find(segment.get());
      if (known == known_.end()) continue;
      dropped_.push_back(known->second.number);
      known_.erase(known);
    }
  }
  tell_all();
  return pool_->has_free_segments() || shm::BlobPool::of_process().has_free_segments() || !dropped_.empty();
}

void RingMemory::on_descriptor(Fd memory) {
  arrived_.at((first_arrived_ + arrived_count_) % kMaxArrived) = std::move(memory);
  ++arrived_count_;
}

Progress RingMemory::on_segment(ConstBytes body) {
  ByteReader reader(body);
  std::uint32_t number = 0;
  std::uint32_t zero = 0;
  std::uint64_t size = 0;
  const bool read = reader.read(number) && reader.read(zero) && reader.read(size) && reader.rest().empty();
  if (!read) return CloseReason::peer_violation("a malformed segment");
  if (!has_descriptor()) return CloseReason::peer_violation("a segment without its descriptor");
  Fd& memory = arrived_.at(first_arrived_);
  const bool is_lost = !memory.valid();
  lost_.reserve(lost_.size() + 1);
  const Status added = peer_.add(number, size, memory);
  discard(std::move(memory));  // it may be anything
  first_arrived_ = (first_arrived_ + 1) % kMaxArrived;
  --arrived_count_;
  if (!added.ok()) return CloseReason::peer_violation(added.error().message);
  if (is_lost) lost_.push_back(number);
  tell(FrameType::kLostSegment, lost_);
  return {};
}

// Where the ring had no room for it before, the peer is told of what was lost as soon as it uses that.
Result<BlobRef> RingMemory::open(const PartPlace& place) {
  tell(FrameType::kLostSegment, lost_);
  return peer_.open(place);
}

Progress RingMemory::on_drop(ConstBytes body) {
  ByteReader reader(body);
  std::uint32_t number = 0;
  if (!reader.read(number) || !peer_.drop(number))
    return CloseReason::peer_violation("it drops what it has not passed");
  std::erase(lost_, number);
  return {};
}

// What lies there stays lent until it is freed; nothing else is put there.
Progress RingMemory::on_lost(ConstBytes body) {
  ByteReader reader(body);
  std::uint32_t number = 0;
  std::uint32_t zero = 0;
  const bool read = reader.read(number) && reader.read(zero) && reader.rest().empty();
  if (!read || number == 0 || number >= next_number_)
    return CloseReason::peer_violation("it has lost what was not passed");
  const auto known =
      std::find_if(known_.begin(), known_.end(), [number](const auto& each) { return each.second.number == number; });
  if (known == known_.end()) return {};  // it has crossed the DROP_SEGMENT
  if (std::exchange(known->second.is_lost, true)) return CloseReason::peer_violation("it has lost a segment twice");
  const TimePoint now = system_.now();
  const bool too_soon = peer_lost_at_ && now - *peer_lost_at_ < 2 * retry_after_;
  retry_after_ = too_soon ? std::min<Duration>(2 * retry_after_, kLongestRetry) : kFirstRetry;
  peer_lost_at_ = now;
  for (shm::BlobPool* pool : {pool_.get(), &shm::BlobPool::of_process()}) pool->retire(*known->first);
  return {};
}

}  // namespace ipcbridge
