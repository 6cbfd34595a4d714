#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_attachments_fixture.hpp"

namespace ipcbridge::testing_support {

// Two sessions that share memory.
class SessionBlobs : public SessionAttachments {
 protected:
  SessionBlobs() { make_shared(); }

  static void expect_refused(const Progress& progress) {
    ASSERT_FALSE(progress.ok());
    EXPECT_EQ(progress.why().kind(), CloseReason::Kind::kPeerViolation) << progress.why().message();
  }
  static Progress free(SessionSide& side, std::vector<std::uint64_t> numbers) {
    return side.receive(FrameType::kFree, 0, std::as_bytes(std::span(numbers)));
  }
  // The first stream of a reply of the server's.
  std::uint64_t open_result() {
    EXPECT_TRUE(call(98, {}).ok());
    settle_both();
    const std::uint64_t stream = server_->session.reply(server_->requests.back().id, {}, 1);
    settle_both();
    return stream;
  }

  const Attachments one_{attach(pattern(50'000, 1))};
  const Payload payload_{as_bytes("x"), one_};
  const std::vector<std::uint64_t> references_{References::kRetained | 3U};
};

}  // namespace ipcbridge::testing_support
