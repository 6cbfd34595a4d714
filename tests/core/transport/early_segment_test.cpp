// Segments of large values that come before the channel has become one of shared memory.
#include <memory>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "core/shm/segment.hpp"
#include "core/transport/memory_sharing.hpp"
#include "core/transport/shm_channel.hpp"
#include "core/transport/socket.hpp"
#include "core/transport/unix_channel.hpp"
#include "tests/core/transport/channel_pair.hpp"
#include "tests/core/transport/ring_memory_support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Collector;
using testing_support::fill;
using testing_support::is_pattern;
using testing_support::LosingSystem;

// A side that has agreed to share memory, and uses it before the other knows.
class EarlySegment : public testing::Test {
 protected:
  void make(System& system) {
    auto [one, two] = testing_support::socket_pair();
    const LocalPeer peer = local_peer(one.get()).value();
    early_ = std::make_unique<UnixChannel>(system, std::move(two), peer);
    shm::OwnSegment first = shm::create_segment(system, shm::kDefaultRingBytes).value();
    second_ = shm::create_segment(system, shm::kDefaultRingBytes).value();
    first_seen_.emplace(shm::open_segment(system, first.memory.get()).value());
    shm::PeerSegment second_seen = shm::open_segment(system, second_.memory.get()).value();
    one_ = std::make_unique<ShmChannel>(system, std::move(one), peer, std::move(first), std::move(second_seen));
    sent_ = fill(one_->blob_memory()->allocate(10'000), 1);
    place_ = one_->blob_memory()->locate(sent_).value();
  }
  void read_early() {
    Collector unwilling;
    unwilling.room = 0;
    ASSERT_TRUE(early_->read(unwilling, ReadBudget{}, true).ok());
  }
  void share() {
    two_ = early_->memory_sharing()->share(std::move(second_), std::move(*first_seen_));
    early_.reset();
    Collector sink;
    const Progress progress = two_->read(sink, ReadBudget{}, true);
    ASSERT_TRUE(progress.ok()) << progress.why().message();
  }

  LosingSystem losing_;
  std::unique_ptr<UnixChannel> early_;
  shm::OwnSegment second_;
  std::optional<shm::PeerSegment> first_seen_;
  std::unique_ptr<ShmChannel> one_;
  std::unique_ptr<Channel> two_;
  Attachment sent_;
  PartPlace place_;
};

TEST_F(EarlySegment, IsThereWhenTheOtherSideSharesMemoryToo) {
  make(System::real());
  read_early();
  share();
  EXPECT_TRUE(is_pattern(two_->blob_memory()->open(place_).value()->bytes(), 1));
}

TEST_F(EarlySegment, MayWaitInTheSocket) {
  make(System::real());
  share();
  EXPECT_TRUE(is_pattern(two_->blob_memory()->open(place_).value()->bytes(), 1));
}

TEST_F(EarlySegment, WhoseDescriptorIsLostIsKnownToBeLost) {
  make(losing_);
  losing_.loses = true;
  read_early();
  losing_.loses = false;
  share();
  EXPECT_EQ(two_->blob_memory()->open(place_).error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace ipcbridge
