#include "core/endpoint/nested_calls.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <string_view>

namespace ipcbridge {
namespace {

using namespace std::string_view_literals;

// As MessagePack has them: the keys, and what begins a map of one or two entries. The depth is a number of one byte as
// long as it is below 128, and the bytes of ":held" have a length of one.
constexpr std::string_view kDepthKey = "\xa6:depth"sv;
constexpr std::string_view kHeldKey = "\xa5:held\xc4"sv;
constexpr std::byte kOneEntry{0x81};
constexpr std::byte kTwoEntries{0x82};
constexpr std::size_t kDepthSize = kDepthKey.size() + 1;
constexpr std::size_t kHeldHead = kHeldKey.size() + 1;
static_assert(kMaxNestedCalls <= 128);

unsigned number(std::byte byte) { return std::to_integer<unsigned>(byte); }

bool is_text(ConstBytes bytes, std::size_t at, std::string_view text) {
  return std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

bool tells_depth(ConstBytes metadata) {
  const std::string_view text(reinterpret_cast<const char*>(metadata.data()), metadata.size());
  return text.find(kDepthKey) != std::string_view::npos;
}

}  // namespace

ThreadPoolId make_thread_pool_id() {
  std::random_device random;
  return (std::uint64_t{random()} << 32U) | random() | 1U;
}

HeldThreads::HeldThreads(ConstBytes metadata) {
  if (metadata.empty()) return;
  const std::size_t pools = number(metadata.back());
  const std::size_t size = pools * kRecord + 2;
  const std::size_t whole = kDepthSize + kHeldHead + size;
  if (pools == 0 || pools > kMostPools || metadata.size() < whole ||
      !is_text(metadata, metadata.size() - whole, kDepthKey) ||
      !is_text(metadata, metadata.size() - size - kHeldHead, kHeldKey) ||
      number(metadata[metadata.size() - size - 1]) != size) {
    are_all_ = !tells_depth(metadata);
    return;
  }
  pools_ = pools;
  depth_ = number(metadata[metadata.size() - size - kHeldHead - 1]);
  std::copy_n(metadata.end() - static_cast<std::ptrdiff_t>(size), size, bytes_.begin());
  are_all_ = depth_ == number(bytes_.at(size - 2));
}

std::uint32_t HeldThreads::count(ThreadPoolId pool) const {
  for (std::size_t at = 0; at < pools_ * kRecord; at += kRecord) {
    if (load<ThreadPoolId>(&bytes_.at(at)) == pool) return number(bytes_.at(at + sizeof pool));
  }
  return 0;
}

void HeldThreads::hold(ThreadPoolId pool, bool handler_is_awaited) {
  are_all_ = are_all_ && handler_is_awaited;
  ++depth_;
  std::size_t at = 0;
  while (at < pools_ * kRecord && load<ThreadPoolId>(&bytes_.at(at)) != pool) at += kRecord;
  if (at == pools_ * kRecord) {
    if (pools_ == kMostPools) return;
    ++pools_;
    store(&bytes_.at(at), pool);
    bytes_.at(at + sizeof pool) = {};
  }
  std::byte& threads = bytes_.at(at + sizeof pool);
  threads = static_cast<std::byte>(std::min(number(threads) + 1, kMaxNestedCalls));
  bytes_.at(pools_ * kRecord) = are_all_ ? static_cast<std::byte>(depth_) : std::byte{0};
  bytes_.at(pools_ * kRecord + 1) = static_cast<std::byte>(pools_);
}

std::optional<unsigned> depth_alone(ConstBytes metadata) {
  if (metadata.empty()) return 0;
  const std::size_t threads = HeldThreads(metadata).bytes().size();
  const std::size_t size = 1 + kDepthSize + (threads == 0 ? 0 : kHeldHead + threads);
  const std::byte head = threads == 0 ? kOneEntry : kTwoEntries;
  if (metadata.size() != size || metadata.front() != head || !is_text(metadata, 1, kDepthKey)) return std::nullopt;
  const unsigned depth = number(metadata[kDepthSize]);
  return depth < kMaxNestedCalls ? std::optional(depth) : std::nullopt;
}

NestedMetadata::NestedMetadata(unsigned depth, const HeldThreads& held) {
  const auto put = [this](const void* from, std::size_t size) {
    std::memcpy(bytes_.data() + size_, from, size);
    size_ += size;
  };
  const auto put_byte = [&](std::byte byte) { put(&byte, 1); };
  put_byte(held.empty() ? kOneEntry : kTwoEntries);
  put(kDepthKey.data(), kDepthKey.size());
  put_byte(static_cast<std::byte>(depth));
  if (held.empty()) return;
  put(kHeldKey.data(), kHeldKey.size());
  put_byte(static_cast<std::byte>(held.bytes().size()));
  put(held.bytes().data(), held.bytes().size());
}

}  // namespace ipcbridge
