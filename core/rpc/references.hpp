#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/id_map.hpp"

namespace ipcbridge {

// Functions and objects of this side that the peer of a connection may call: docs/protocol.md, "References". Their ids
// are the consumer's, counted up and never used again.
//
// One that is passed with a call lives until that call has been answered and the streams of its result have ended; a
// retained one until it is released, or the connection ends.
class References {
 public:
  static constexpr std::uint64_t kRetained = 1ULL << 63U;  // of an id
  static bool is_retained(std::uint64_t id) { return (id & kRetained) != 0; }

  // Those that the next message passes. Makes the share() that follows one that needs no memory.
  void prepare(std::span<const std::uint64_t> ids);
  // That message is of this call of this side's; 0: of none, as a result is.
  void share(std::uint64_t call);

  // The message with these was never sent.
  void take_back(std::uint64_t call);
  // Its call has been answered, with a result that brings so many streams.
  void answered(std::uint64_t call, std::uint32_t streams = 0);
  // One of them has ended.
  void stream_ended(std::uint64_t call);
  // The peer has received a retained one so often, and needs it no more. True when it is gone: it may have been passed
  // again meanwhile.
  bool release(std::uint64_t id, std::uint64_t times);
  // It is this side that ends it.
  void forget(std::uint64_t id);
  void clear();

  enum class Standing : std::uint8_t { kValid, kGone, kNeverShared };
  Standing standing(std::uint64_t id);
  // With which call it was passed; 0: with none that is not answered.
  std::uint64_t call_of(std::uint64_t id);

  template <typename F>
  void for_each_retained(F&& visit) {
    entries_.for_each([&](std::uint64_t id, const Entry&) {
      if (is_retained(id)) visit(id);
    });
  }

 private:
  struct Entry {
    std::uint64_t call = 0;
    std::uint64_t times = 0;  // that it was passed
  };
  struct OfCall {
    std::vector<std::uint64_t> ids;
    std::uint32_t streams = 0;
  };

  void add(std::uint64_t id, std::uint64_t call);
  void end(std::uint64_t call);

  IdMap<Entry> entries_;
  IdMap<OfCall> calls_;
  std::vector<std::uint64_t> prepared_;
  std::uint64_t newest_ = 0;  // of those that have been shared, without kRetained
};

}  // namespace ipcbridge
