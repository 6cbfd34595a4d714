#include "core/transport/unix_channel.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/transport/socket.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/process.hpp"
#include "tests/core/support/test_system.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::Collector;
using testing_support::fail_with;
using testing_support::FaultySystem;
using testing_support::header_of;
using testing_support::LingeringSocket;
using testing_support::pattern;
using testing_support::send_descriptors;
using testing_support::socket_pair;

// A channel whose peer is a bare socket that may send anything.
class UnixChannelTest : public testing::Test {
 protected:
  void send_raw(ConstBytes bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(raw_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
  }
  void send_header(const FrameHeader& header) { send_raw(std::as_bytes(std::span(&header, 1))); }

  Progress read() { return channel_.read(sink_, ReadBudget{}, true); }

  std::pair<Fd, Fd> sockets_ = socket_pair();
  Fd raw_ = std::move(sockets_.first);
  FaultySystem system_;
  UnixChannel channel_{system_, std::move(sockets_.second), LocalPeer{}};
  Collector sink_;
};

TEST_F(UnixChannelTest, PutsFramesTogetherByteByByte) {
  const FrameHeader header = header_of(FrameType::kReply, 7, 5);
  std::vector<std::byte> bytes(sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  const Buffer body = pattern(5, 3);
  append(bytes, ConstBytes(body));
  for (const std::byte& byte : bytes) {
    ASSERT_TRUE(sink_.frames.empty());
    send_raw(ConstBytes(&byte, 1));
    ASSERT_TRUE(read().ok());
  }
  ASSERT_EQ(sink_.frames.size(), 1U);
  EXPECT_EQ(sink_.frames[0].header.call_id, 7U);
  EXPECT_TRUE(testing_support::is_pattern(sink_.frames[0].body, 3));
}

TEST_F(UnixChannelTest, HalfAFrameAndAClosedPeerIsUnavailable) {
  send_header(header_of(FrameType::kRequest, 1, 100));
  ASSERT_TRUE(read().ok());
  raw_.reset();
  EXPECT_EQ(read().why().code(), Code::kUnavailable);
  EXPECT_TRUE(sink_.frames.empty());
}

TEST_F(UnixChannelTest, AFrameOverTheLimitIsRefusedByItsHeaderAlone) {
  for (const std::uint32_t length : {static_cast<std::uint32_t>(kMaxSocketFrameBody + 1), 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    auto [one, two] = socket_pair();
    UnixChannel channel(System::real(), std::move(two), LocalPeer{});
    FrameHeader header = header_of(FrameType::kRequest, 1, length);
    ASSERT_EQ(::send(one.get(), &header, sizeof header, 0), 16);
    EXPECT_EQ(channel.read(sink_, ReadBudget{}, true).why().code(), Code::kDataLoss) << length;
  }
}

// Of a program that is none of ours, whose answer may be shorter than a frame.
TEST_F(UnixChannelTest, ALengthOverTheLimitIsRefusedByTheFirstBytes) {
  send_raw(as_bytes("-ERR"));
  EXPECT_TRUE(read().ok());
  send_raw(as_bytes("\r"));
  EXPECT_EQ(read().why().code(), Code::kDataLoss);
}

TEST_F(UnixChannelTest, AFrameThatMayNotComeIsRefusedBeforeItIsWhole) {
  struct Picky final : FrameSink {
    Progress on_frame(const FrameHeader&, ConstBytes) override { return {}; }
    bool wants_frame() override { return true; }
    bool admits(FrameType type, std::uint8_t flags) override { return type == FrameType::kHello || flags != 0; }
  } picky;
  const auto read_header = [&](FrameType type, std::uint8_t flags) {
    auto [one, two] = socket_pair();
    UnixChannel channel(System::real(), std::move(two), LocalPeer{});
    FrameHeader header = header_of(type, 0, 100, flags);
    EXPECT_EQ(::send(one.get(), &header, sizeof header, 0), 16);
    return channel.read(picky, ReadBudget{}, true);
  };
  EXPECT_TRUE(read_header(FrameType::kHello, 0).ok());
  EXPECT_TRUE(read_header(FrameType::kRelease, kFlagIgnorable).ok());
  EXPECT_EQ(read_header(FrameType::kRelease, 0).why().code(), Code::kDataLoss);
}

TEST_F(UnixChannelTest, AHelloMayBeLongerThanOtherFramesButHasALimit) {
  send_header(header_of(FrameType::kHello, 0, kMaxHelloBody));
  EXPECT_TRUE(read().ok());
  auto [one, two] = socket_pair();
  UnixChannel channel(System::real(), std::move(two), LocalPeer{});
  FrameHeader header = header_of(FrameType::kHello, 0, kMaxHelloBody + 1);
  ASSERT_EQ(::send(one.get(), &header, sizeof header, 0), 16);
  EXPECT_EQ(channel.read(sink_, ReadBudget{}, true).why().code(), Code::kDataLoss);
}

TEST_F(UnixChannelTest, AnnouncedBytesTakeNoMemoryBeforeTheyArrive) {
  class Watching final : public testing_support::TestSystem {
   public:
    ssize_t recvmsg(int fd, msghdr* message, int flags) override {
      largest = std::max(largest, message->msg_iov[0].iov_len);
      return TestSystem::recvmsg(fd, message, flags);
    }
    std::size_t largest = 0;
  } system;
  auto [one, two] = socket_pair();
  UnixChannel channel(system, std::move(two), LocalPeer{});
  FrameHeader header = header_of(FrameType::kHello, 0, kMaxHelloBody);
  ASSERT_EQ(::send(one.get(), &header, sizeof header, 0), 16);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(channel.read(sink_, ReadBudget{}, true).ok());
  EXPECT_LE(system.largest, 64U * 1024) << "the buffer follows what has arrived";
}

TEST_F(UnixChannelTest, ALongHelloArrivesWhole) {
  const Buffer body = pattern(kMaxHelloBody, 9);
  auto [one, two] = socket_pair();
  UnixChannel sender(System::real(), std::move(one), LocalPeer{});
  UnixChannel receiver(System::real(), std::move(two), LocalPeer{});
  ASSERT_TRUE(testing_support::write(sender, 0, body, FrameType::kHello));
  while (sink_.frames.empty()) {
    sender.on_writable();
    ASSERT_TRUE(receiver.read(sink_, ReadBudget{}, true).ok());
  }
  EXPECT_FALSE(sender.wants_writable());
  EXPECT_TRUE(testing_support::is_pattern(sink_.frames[0].body, 9));
}

TEST_F(UnixChannelTest, AsksToBePolledForRoomWhenTheSocketIsFull) {
  while (testing_support::write(channel_, 1, pattern(16, 1))) {
  }
  EXPECT_TRUE(channel_.wants_writable());
  std::array<char, 4096> sunk{};
  while (::recv(raw_.get(), sunk.data(), sunk.size(), 0) > 0) {
  }
  EXPECT_TRUE(testing_support::wait_for(channel_.fd(), POLLOUT));
  channel_.on_writable();
  EXPECT_FALSE(channel_.wants_writable());
  EXPECT_TRUE(testing_support::write(channel_, 1, pattern(16, 1)));
}

TEST_F(UnixChannelTest, PassesADescriptorWithItsNextFrame) {
  auto [one, two] = socket_pair();
  UnixChannel receiver(System::real(), std::move(two), LocalPeer{});
  UnixChannel sender(System::real(), std::move(one), LocalPeer{});
  const int original = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  struct stat sent {};
  ASSERT_EQ(::fstat(original, &sent), 0);
  sender.attach(Fd(original));
  ASSERT_TRUE(testing_support::write(sender, 1, "with it"));
  ASSERT_TRUE(testing_support::write(sender, 2, "without"));
  ASSERT_TRUE(testing_support::read_until(receiver, sink_, 2).ok());
  const Fd arrived = receiver.take_received_fd();
  ASSERT_TRUE(arrived.valid());
  struct stat got {};
  ASSERT_EQ(::fstat(arrived.get(), &got), 0);
  EXPECT_EQ(got.st_rdev, sent.st_rdev);
  EXPECT_NE(::fcntl(arrived.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_FALSE(receiver.take_received_fd().valid());
}

TEST_F(UnixChannelTest, DescriptorsThatNobodyAskedForAreClosed) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::size_t before = testing_support::open_descriptors();
  for (int i = 0; i < 20; ++i) {
    send_descriptors(raw_, {null.get()});
    send_descriptors(raw_, {null.get(), null.get()});
    send_descriptors(raw_, {null.get(), null.get(), null.get(), null.get(), null.get()});
    for (int reads = 0; reads < 3; ++reads) static_cast<void>(read());
  }
  EXPECT_TRUE(channel_.take_received_fd().valid());
  EXPECT_EQ(testing_support::open_descriptors(), before) << "a peer must not fill the table of descriptors";
}

TEST_F(UnixChannelTest, ADescriptorThatIsNotWantedIsMadeToCloseAtOnce) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const LingeringSocket second;
  const LingeringSocket last_of_many;
  std::vector<int> many(252, null.get());
  many.push_back(last_of_many.fd());
  send_descriptors(raw_, {null.get()});
  send_descriptors(raw_, {second.fd()});
  send_descriptors(raw_, many);
  for (int reads = 0; reads < 3; ++reads) ASSERT_TRUE(read().ok());
  EXPECT_FALSE(second.lingers());
  EXPECT_FALSE(last_of_many.lingers()) << "as many as one message carries";
}

TEST(UnixChannelEnd, LeavesNoDescriptorBehindWhoseCloseBlocks) {
  const LingeringSocket taken;
  const LingeringSocket unread;
  auto [raw, socket] = socket_pair();
  {
    UnixChannel channel(System::real(), std::move(socket), LocalPeer{});
    Collector sink;
    send_descriptors(raw, {taken.fd()});
    ASSERT_TRUE(channel.read(sink, ReadBudget{}, true).ok());
    send_descriptors(raw, {unread.fd()});
  }
  EXPECT_FALSE(taken.lingers());
  EXPECT_FALSE(unread.lingers()) << "what lies in a socket is closed with it";
}

TEST_F(UnixChannelTest, AFailingReceiveEndsTheConnection) {
  system_.on_recvmsg = fail_with(ECONNRESET, 1);
  EXPECT_EQ(read().why().code(), Code::kUnavailable);
}

TEST_F(UnixChannelTest, AnInterruptedReceiveDoesNot) {
  system_.on_recvmsg = fail_with(EINTR, 1);
  EXPECT_TRUE(read().ok());
  send_header(header_of(FrameType::kPing, 1, 0));
  EXPECT_TRUE(read().ok());
  EXPECT_EQ(sink_.frames.size(), 1U);
}

TEST(Socket, FilesGetTheModeThatIsAskedForWhateverTheUmask) {
  const testing_support::TemporaryDirectory directory;
  const mode_t old = ::umask(077);
  const Result<Fd> listener = listen_unix(System::real(), directory / "s", 0660);
  ::umask(old);
  ASSERT_TRUE(listener.ok()) << listener.error().message;
  struct stat info {};
  ASSERT_EQ(::stat((directory / "s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0660U);
}

TEST(Socket, ConnectingWhereNobodyListensIsUnavailable) {
  const testing_support::TemporaryDirectory directory;
  EXPECT_EQ(connect_unix(System::real(), directory / "none").error().code, Code::kUnavailable);
  { const Result<Fd> listener = listen_unix(System::real(), directory / "stale", 0600); }
  EXPECT_EQ(connect_unix(System::real(), directory / "stale").error().code, Code::kUnavailable);
}

TEST(Socket, RunningOutOfDescriptorsSaysSo) {
  const testing_support::TemporaryDirectory directory;
  FaultySystem system;
  const Result<Fd> listener = listen_unix(system, directory / "s", 0600);
  ASSERT_TRUE(listener.ok());
  system.on_accept = fail_with(EMFILE, 1);
  EXPECT_EQ(accept_unix(system, listener.value().get()).error().code, Code::kResourceExhausted);
  const Result<Fd> nobody = accept_unix(system, listener.value().get());
  ASSERT_TRUE(nobody.ok());
  EXPECT_FALSE(nobody.value().valid());
  system.on_socket = fail_with(EMFILE);
  EXPECT_EQ(connect_unix(system, directory / "s").error().code, Code::kResourceExhausted);
  EXPECT_EQ(listen_unix(system, directory / "t", 0600).error().code, Code::kResourceExhausted);
}

TEST(Socket, APathThatIsTooLongIsRefused) {
  EXPECT_EQ(listen_unix(System::real(), "/" + std::string(107, 'x'), 0600).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace ipcbridge
