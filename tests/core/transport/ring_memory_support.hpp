#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "core/base/blob_memory.hpp"
#include "core/base/blob_returns.hpp"
#include "core/base/close_reason.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/test_system.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge::testing_support {

// Has no number left for a descriptor that comes while `loses`; time passes when a test says so.
class LosingSystem final : public TestSystem {
 public:
  ssize_t recvmsg(int fd, msghdr* message, int flags) override {
    const ssize_t received = TestSystem::recvmsg(fd, message, flags);
    if (received < 0 || !loses) return received;
    for (cmsghdr* header = CMSG_FIRSTHDR(message); header != nullptr; header = CMSG_NXTHDR(message, header)) {
      int passed = -1;
      std::memcpy(&passed, CMSG_DATA(header), sizeof passed);
      ::close(passed);
      message->msg_flags |= MSG_CTRUNC;
    }
    message->msg_controllen = 0;
    return received;
  }
  TimePoint now() override { return TestSystem::now() + ahead; }
  bool loses = false;
  Duration ahead = Duration::zero();
};

inline Attachment fill(BlobRef blob, std::uint32_t seed) {
  const Buffer content = pattern(blob->size(), seed);
  std::copy(content.begin(), content.end(), blob->data());
  return Attachment(std::move(blob));
}

inline Attachment fill(Result<BlobRef> blob, std::uint32_t seed) { return fill(std::move(blob).value(), seed); }

// Two sides that share memory, by one kind of channel.
class RingMemoryFixture : public testing::TestWithParam<const char*> {
 protected:
  void make(System& system = System::real()) {
    pair_ = make_channels(GetParam(), system);
    for (Channel* channel : {pair_.one.get(), pair_.two.get()})
      channel->blob_memory()->receive_as({returns_, 1, false});
  }
  BlobMemory& one() { return *pair_.one->blob_memory(); }
  BlobMemory& two() { return *pair_.two->blob_memory(); }
  Progress read(Collector& sink) { return pair_.two->read(sink, ReadBudget{}, true); }
  // Whatever is there.
  void read_all() {
    Collector sink;
    for (int i = 0; i < 100; ++i) {
      const Progress progress = read(sink);
      ASSERT_TRUE(progress.ok()) << progress.why().message();
    }
  }
  void read_all_that_is_there() {
    Collector sink;
    ASSERT_TRUE(read(sink).ok());
  }
  static void expect_violation(const Progress& progress) {
    ASSERT_FALSE(progress.ok());
    EXPECT_EQ(progress.why().kind(), CloseReason::Kind::kPeerViolation) << progress.why().message();
  }

  FaultySystem faulty_;
  LosingSystem losing_;
  std::shared_ptr<BlobReturns> returns_ = std::make_shared<BlobReturns>();
  ChannelPair pair_;
};

}  // namespace ipcbridge::testing_support
