#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/transport/ring_memory.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::testing_support {

// A side's RingMemory, whose descriptors and frames reach that of the other side without a channel. As a BlobMemory it
// can be scarce.
class DirectMemory final : public BlobMemory, SegmentCarrier {
 public:
  explicit DirectMemory(bool in_place = true, bool copy_on_write = false, System& system = System::real())
      : memory_(system, *this, in_place) {
    receive_as({returns, 1, copy_on_write});
  }
  void connect(DirectMemory& peer) {
    peer_ = &peer;
    peer.peer_ = this;
  }

  Result<BlobRef> allocate(std::size_t size) override {
    if (is_exhausted) return Error{Code::kResourceExhausted, "the other side keeps too much"};
    return has_none ? Result<BlobRef>(BlobRef()) : memory_.allocate(size);
  }
  std::function<Result<BlobRef>(std::size_t)> allocator() const override { return memory_.allocator(); }
  std::optional<PartPlace> locate(const Attachment& part) override { return memory_.locate(part); }
  void close() noexcept override { memory_.close(); }
  Result<BlobRef> open(const PartPlace& place) override {
    opened.push_back(place);
    return memory_.open(place);
  }
  void decline(const PartPlace& place) noexcept override { memory_.decline(place); }
  void receive_as(const Receiving& receiving) override { memory_.receive_as(receiving); }
  bool trim(TimePoint since) override { return memory_.trim(since); }

  // What this side needs no more.
  std::vector<std::uint64_t> returned() const {
    std::vector<std::uint64_t> numbers;
    for (const BlobReturns::Returned& each : returns->take()) numbers.push_back(each.number);
    return numbers;
  }
  RingMemory& ring() { return memory_; }

  bool is_exhausted = false;
  bool has_none = false;
  bool passes = true;  // descriptors
  bool tells = true;   // frames
  std::vector<PartPlace> opened;
  Progress told;  // the last answer of the other side
  int passed = 0;
  int segments = 0;  // told of
  int drops = 0;
  std::shared_ptr<BlobReturns> returns = std::make_shared<BlobReturns>();

 private:
  bool pass(int descriptor) override {
    if (!passes) return false;
    ++passed;
    peer_->memory_.on_descriptor(Fd(::dup(descriptor)));
    return true;
  }
  bool tell(FrameType type, ConstBytes body) override {
    if (!tells) return false;
    ++(type == FrameType::kSegment ? segments : drops);
    told = type == FrameType::kSegment ? peer_->memory_.on_segment(body) : peer_->memory_.on_drop(body);
    return true;
  }

  RingMemory memory_;
  DirectMemory* peer_ = nullptr;
};

inline Attachment attach(ConstBytes bytes) {
  Attachment attachment(make_heap_blob(bytes.size()));
  std::copy(bytes.begin(), bytes.end(), attachment.bytes.begin());
  return attachment;
}

}  // namespace ipcbridge::testing_support
