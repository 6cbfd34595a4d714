#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "core/base/close_reason.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/rpc/hello.hpp"
#include "core/rpc/session.hpp"
#include "core/shm/segment.hpp"
#include "core/transport/channel.hpp"
#include "core/transport/memory_sharing.hpp"

namespace ipcbridge {

// What two sides say to each other before there is a session: HELLO both ways, and where both offered
// shared memory a verdict both ways on the segment that came along. docs/protocol.md, "Handshake".
class Handshake {
 public:
  // A ring_bytes of zero offers no shared memory; nor is it offered on a channel that cannot agree on it.
  Handshake(System& system, Session::Side side, Hello ours, std::size_t ring_bytes, Channel& channel);

  // Sends this side's HELLO. A reason ends the connection.
  Progress start();

  // A reason ends the connection: the peer refused it, asks for what this side has not, or is broken.
  Progress on_frame(const FrameHeader& header, ConstBytes body);

  // Whether it says anything to a frame of this type but that it is a violation.
  static bool admits(FrameType type, std::uint8_t flags);

  // Sends what could not be sent yet.
  void flush();

  // From here on frames belong to the session (on the channel of upgrade(), where there is one).
  bool finished() const;
  bool wants_frame() const { return !finished(); }

  const std::optional<Hello>& theirs() const { return theirs_; }
  bool upgraded() const { return finished() && verdicts_agree(); }
  // The channel to go on with; the old one has lost its socket and must be dropped.
  std::unique_ptr<Channel> upgrade();
  // Why there is no shared memory although this side would have it: resource_exhausted where memory or descriptors are
  // short, on either side. The code is kOk otherwise.
  const Error& fallback() const { return fallback_; }

 private:
  void offer_segment();
  void withdraw_segment(const Error& why);
  Progress send_hello();
  Progress receive_hello(ConstBytes body);
  Progress receive_verdict(ConstBytes body);
  void judge_segment();
  Result<shm::PeerSegment> open_segment();
  void fall_back(Code code, const std::string& why);
  bool negotiates_shm() const;
  bool verdicts_agree() const { return verdict_ && verdict_->accepted && their_verdict_ && their_verdict_->accepted; }

  System& system_;
  Session::Side side_;
  Hello ours_;
  std::size_t ring_bytes_;
  Channel& channel_;
  MemorySharing* sharing_;  // the channel's; null where there is none
  shm::OwnSegment own_;
  std::optional<shm::PeerSegment> peer_segment_;
  std::optional<Hello> theirs_;
  std::optional<Upgrade> verdict_;
  bool verdict_sent_ = false;
  std::optional<Upgrade> their_verdict_;
  Error fallback_{Code::kOk, ""};
};

}  // namespace ipcbridge
