// Segments and tables of attachments as a peer may tell of them. The first byte says how they are received. Each step
// is a byte, what, and another, of which segment: then a segment of some kind is passed or dropped, or a table follows,
// all of whose places are looked at.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "core/rpc/attachment_table.hpp"
#include "core/shm/peer_blobs.hpp"

namespace {

using namespace ipcbridge;

constexpr std::size_t kBytes = 4 * 4096;

Fd passed(bool is_there, bool is_sealed) {
  Fd memory = std::move(shm::make_memory(System::real(), kBytes)).value();
  if (is_there) {
    const shm::Mapping mapping = shm::map_memory(System::real(), memory.get(), kBytes, shm::Access::kReadWrite).value();
    shm::touch(mapping.data(), kBytes);
  }
  if (is_sealed && !shm::seal(memory.get()).ok()) std::abort();
  return memory;
}

// What is passed in place of a descriptor: a segment, none, and what is not one.
const Fd& descriptor(std::uint8_t kind) {
  static const std::array<Fd, 4> kKinds{passed(true, true), Fd(), passed(true, false), passed(false, true)};
  return kKinds.at(kind % kKinds.size());
}

class Receiver {
 public:
  explicit Receiver(std::uint8_t mode) : blobs_(System::real(), (mode & 1U) != 0) {
    blobs_.receive_as({returns_, 1, (mode & 2U) != 0});
  }

  void add(std::uint32_t number, std::uint8_t kind, std::uint64_t size) {
    const Fd& original = descriptor(kind);
    Fd memory = original.valid() ? Fd(::dup(original.get())) : Fd();
    const bool is_good = kind % 4 < 2;
    const bool added = blobs_.add(number, size, memory).ok();
    if (added && (!is_good || size == 0 || (kind % 4 == 0 && size != kBytes))) std::abort();
  }
  void drop(std::uint32_t number) { blobs_.drop(number); }

  void look(const PartPlace& place) {
    const Result<BlobRef> blob = blobs_.open(place);
    if (!blob.ok()) {
      if (blob.error().code == Code::kResourceExhausted) ++told_;
      return;
    }
    ++told_;
    if (blob.value()->size() != place.bytes || place.bytes > kBytes) std::abort();
    for (std::byte& byte : blob.value()->bytes()) {
      // Where others see what is written, it would not be there next time.
      if (byte != std::byte{0}) std::abort();
      if (blob.value()->is_writable()) byte = std::byte{1};
    }
    kept_.push_back(blob.value());
    if (kept_.size() > 3) kept_.erase(kept_.begin());
  }

  // Each number comes back once.
  void finish() {
    kept_.clear();
    if (returns_->take().size() != told_) std::abort();
  }

 private:
  std::shared_ptr<BlobReturns> returns_ = std::make_shared<BlobReturns>();
  shm::PeerBlobs blobs_;
  std::size_t told_ = 0;
  std::vector<BlobRef> kept_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader steps(std::as_bytes(std::span(data, size)));
  std::uint8_t mode = 0;
  steps.read(mode);
  Receiver receiver(mode);
  std::uint8_t what = 0;
  std::uint8_t number = 0;
  while (steps.read(what) && steps.read(number)) {
    switch (what % 4) {
      case 0:
        receiver.add(number, what / 4, kBytes);
        break;
      case 1: {
        std::uint64_t bytes = 0;
        if (steps.read(bytes)) receiver.add(number, what / 4, bytes);
        break;
      }
      case 2:
        receiver.drop(number);
        break;
      default: {
        ConstBytes rest = steps.rest();
        const Result<AttachmentTable> table = AttachmentTable::decode(rest);
        if (!table.ok()) {
          receiver.finish();
          return 0;
        }
        const ConstBytes taken = steps.rest().first(steps.rest().size() - rest.size());
        const Buffer again = table.value().encode();
        if (!std::equal(again.begin(), again.end(), taken.begin(), taken.end())) std::abort();
        if (table.value().shared() > table.value().total()) std::abort();
        ConstBytes skipped;
        steps.read(taken.size(), skipped);
        receiver.look(table.value().body);
        for (const PartPlace& place : table.value().attachments) receiver.look(place);
      }
    }
  }
  receiver.finish();
  return 0;
}
