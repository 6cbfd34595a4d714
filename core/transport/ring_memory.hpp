#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/blob_memory.hpp"
#include "core/base/clock.hpp"
#include "core/base/close_reason.hpp"
#include "core/base/fd.hpp"
#include "core/base/frame.hpp"
#include "core/base/system.hpp"
#include "core/shm/blob_pool.hpp"
#include "core/shm/peer_blobs.hpp"

namespace ipcbridge {

// What carries the descriptors and the frames of a RingMemory.
class SegmentCarrier {
 public:
  SegmentCarrier() = default;
  virtual ~SegmentCarrier() = default;
  SegmentCarrier(const SegmentCarrier&) = delete;
  SegmentCarrier& operator=(const SegmentCarrier&) = delete;

  // False when it cannot be passed now.
  virtual bool pass(int descriptor) = 0;
  // False when there is no room.
  virtual bool tell(FrameType type, ConstBytes body) = 0;
};

// The large values of a connection through rings: this side's pool, and what the peer's has passed. Segments are told
// of by frames in the ring; their descriptors go over the socket, in the same order. Used as the channel is.
class RingMemory final : public BlobMemory {
 public:
  // `in_place`: see PeerBlobs.
  RingMemory(System& system, SegmentCarrier& carrier, bool in_place);
  ~RingMemory() override;

  Result<BlobRef> allocate(std::size_t size) override { return pool_->allocate(size); }
  std::optional<PartPlace> locate(const Attachment& part) override;
  void close() noexcept override;
  Result<BlobRef> open(const PartPlace& place) override;
  void decline(const PartPlace& place) noexcept override { peer_.decline(place); }
  void receive_as(const Receiving& receiving) override { peer_.receive_as(receiving); }
  bool trim(TimePoint since) override;
  std::function<Result<BlobRef>(std::size_t)> allocator() const override;

  // A descriptor that has come over the socket; an invalid one was lost on the way. There has to be room for it.
  void on_descriptor(Fd memory);
  bool has_descriptor() const { return arrived_count_ > 0; }
  bool has_room() const { return arrived_count_ < kMaxArrived; }
  // The frames that tell of segments.
  Progress on_segment(ConstBytes body);
  Progress on_drop(ConstBytes body);
  Progress on_lost(ConstBytes body);

 private:
  // Descriptors whose frames have not been read. More wait in the socket.
  static constexpr std::size_t kMaxArrived = 16;

  // Where the peer has had no number left for a descriptor, it is not sent the next one before this has passed, and
  // twice as long each time that this was too soon, because a message fails then...
  static constexpr auto kFirstRetry = std::chrono::seconds(5);
  static constexpr auto kLongestRetry = std::chrono::minutes(5);
  // ...nor while so many that it has lost are still in use, for which there would be others.
  static constexpr std::size_t kMaxLost = 16;

  struct Untold {
    std::uint32_t number = 0;
    std::uint64_t size = 0;
  };
  struct Known {
    std::uint32_t number = 0;
    bool is_lost = false;  // the peer cannot see it
  };

  bool tell_all();
  bool tell(FrameType type, std::vector<std::uint32_t>& numbers);
  std::optional<std::uint32_t> number_of(const std::shared_ptr<shm::BlobSegment>& segment);
  bool may_pass(const shm::BlobSegment& segment) const;
  bool peer_is_out_of_descriptors() const;
  void drop_values_that_went();

  System& system_;
  SegmentCarrier& carrier_;
  shm::Audience audience_;  // null: it is closed
  std::shared_ptr<shm::BlobPool> pool_;
  std::unordered_map<const shm::BlobSegment*, Known> known_;
  std::uint32_t next_number_ = 1;
  std::vector<std::shared_ptr<shm::BlobSegment>> of_one_value_;  // that the peer knows
  std::vector<Untold> untold_;                                   // their descriptors are on their way
  std::vector<std::uint32_t> dropped_;                           // that the peer is still to be told of
  std::vector<std::uint32_t> lost_;                              // of the peer's, that it is still to be told of
  Duration retry_after_ = kFirstRetry;
  std::optional<TimePoint> peer_lost_at_;  // one of this side's
  shm::PeerBlobs peer_;
  std::array<Fd, kMaxArrived> arrived_;  // in this order, the first at first_arrived_; no memory is needed to keep them
  std::size_t first_arrived_ = 0;
  std::size_t arrived_count_ = 0;
};

}  // namespace ipcbridge
