// Every allocation of a message fails once, on either side: its call ends with resource_exhausted, and nothing else
// does.
#include <poll.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/endpoint/driver.hpp"
#include "core/endpoint/event_batch.hpp"
#include "tests/core/support/failing_memory.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::FailingMemory;
using testing_support::is_pattern;
using testing_support::pattern;

// A Driver whose allocations fail, if it is the one that suffers, and only those.
class Sufferer {
 public:
  explicit Sufferer(bool suffers)
      : suffers_(suffers), table_(64 * EventRow::kWords), slab_(2 * EventBatch::kMinSlabBytes) {
    batch_.use(table_, slab_);
  }

  Driver& driver() { return *driver_; }

  template <typename F>
  auto within(F f) {
    std::unique_ptr<FailingMemory::Armed> armed;
    if (suffers_) armed = std::make_unique<FailingMemory::Armed>();
    return f();
  }

  EventBatch& run() {
    batch_.reset();
    within([&] { return driver_->run(batch_, true); });
    return batch_;
  }

 private:
  bool suffers_;
  std::vector<std::uint32_t> table_;
  Buffer slab_;
  InboundCallTable inbound_calls_;
  EventBatch batch_{&inbound_calls_};
  std::unique_ptr<Driver> driver_ = std::move(Driver::create({})).value();
};

struct Ended {
  Code code = Code::kOk;
  Buffer payload;
  std::string message;
  int times = 0;
  Attachments attachments;
};

class Conversation {
 public:
  Conversation(const std::string& address, bool client_suffers, bool shared = false) : client_(client_suffers) {
    served_.address = address;
    served_.shared = shared;
    served_.methods = {"echo"};
    serve(!client_suffers);
    ConnectOptions options;
    options.addresses = {address};
    client_id_ = client_.driver().connect(options).value();
    method_ = client_.driver().intern_method(client_id_, "echo");
  }

  // Until both sides have finished the handshake.
  bool connect() {
    call(1);
    return settle();
  }

  // The service ends, and another comes for it.
  void restart() { serve(false); }

  // Its payload is a pattern of its token, and so is what is attached.
  std::uint64_t call(std::size_t size, const CallOptions& options = {}, std::size_t attached = 0) {
    const std::uint64_t token = ++last_token_;
    const auto seed = static_cast<std::uint32_t>(token);
    const Buffer payload = pattern(size, seed);
    Attachments attachments;
    if (attached != 0) {
      const Buffer content = pattern(attached, seed);
      std::copy(content.begin(), content.end(), attachments.emplace_back(make_heap_blob(attached)).bytes.begin());
    }
    const Result<Submission> made = client_.within([&] {
      return client_.driver().call(client_id_, token, method_, options, {}, {payload, attachments});
    });
    if (!made.ok()) ++(ended[token] = {made.error().code, {}, made.error().message, 0, {}}).times;
    return token;
  }

  template <typename Done>
  bool run(Done done) {
    const TimePoint end = Clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (Clock::now() > end) return false;
      run();
      if (!done()) sleep();
    }
    return true;
  }

  // Until every call has ended.
  bool settle() {
    return run([&] { return ended.size() == last_token_; });
  }

  ServerStatus server_status() { return server_->driver().server_status(server_id_); }
  ClientStatus client_status() { return client_.driver().client_status(client_id_); }

  std::map<std::uint64_t, Ended> ended;
  int times_ready = 0;

 private:
  void serve(bool suffers) {
    server_.reset();
    server_ = std::make_unique<Sufferer>(suffers);
    server_id_ = server_->driver().serve(served_).value();
  }

  void run() {
    EventBatch& at_server = server_->run();
    for (std::size_t i = 0; i < at_server.size(); ++i) {
      const EventRow row = at_server.row(i);
      if (row.words[EventRow::kKind] != static_cast<std::uint32_t>(EventKind::kInboundCall)) continue;
      const Attachments attachments = at_server.take_attachments(row.words[EventRow::kLongMessage]);
      server_->within([&] { server_->driver().reply(row.key(), {at_server.payload(row), attachments}); });
    }
    EventBatch& at_client = client_.run();
    for (std::size_t i = 0; i < at_client.size(); ++i) take(at_client, at_client.row(i));
  }

  void sleep() {
    const bool sleeps = server_->driver().prepare_sleep() && client_.driver().prepare_sleep();
    std::array<pollfd, 2> watched{{{server_->driver().fd(), POLLIN, 0}, {client_.driver().fd(), POLLIN, 0}}};
    if (sleeps) ::poll(watched.data(), watched.size(), 1000);
  }

  void take(EventBatch& batch, const EventRow& row) {
    const auto kind = static_cast<EventKind>(row.words[EventRow::kKind]);
    if (kind == EventKind::kClientState &&
        row.words[EventRow::kState] == static_cast<std::uint32_t>(ClientState::kReady)) {
      ++times_ready;
    }
    if (kind != EventKind::kOutcome) return;
    const ConstBytes payload = batch.payload(row);
    Ended& call = ended[row.wide(EventRow::kToken)];
    call = {static_cast<Code>(row.words[EventRow::kCode]),
            {payload.begin(), payload.end()},
            std::string(batch.message(row)),
            call.times + 1,
            batch.take_attachments(row.words[EventRow::kLongMessage])};
  }

  ServeOptions served_;
  std::unique_ptr<Sufferer> server_;
  Sufferer client_;
  ServerId server_id_ = 0;
  ClientId client_id_ = 0;
  std::uint32_t method_ = 0;
  std::uint64_t last_token_ = 0;
};

struct Setting {
  const char* transport = "";
  bool client_suffers = false;
};

class WithoutMemory : public testing::TestWithParam<Setting> {
 protected:
  std::string address() const { return std::string(GetParam().transport) + "://" + (directory_ / "memory"); }

  // Short and long messages and attachments, with and without what is kept to repeat or to time out a call.
  static void call_all(Conversation& conversation) {
    conversation.call(10);
    conversation.call(50'000);
    CallOptions options;
    options.idempotent = true;
    options.timeout = std::chrono::seconds(20);
    conversation.call(30'000, options);
    conversation.call(100, {}, 30'000);
    conversation.call(20'000, options, 10'000);
    conversation.call(100);
  }

  testing_support::TemporaryDirectory directory_;
};

TEST_P(WithoutMemory, EachAllocationThatFailsFailsOneCall) {
  for (std::size_t spared = 0;; ++spared) {
    SCOPED_TRACE("the allocation that fails: " + std::to_string(spared));
    Conversation conversation(address(), GetParam().client_suffers);
    ASSERT_TRUE(conversation.connect());
    bool has_failed = false;
    {
      const FailingMemory failing(spared, 1);
      call_all(conversation);
      ASSERT_TRUE(conversation.settle());
      has_failed = FailingMemory::has_failed();
    }
    int failed = 0;
    for (const auto& [token, call] : conversation.ended) {
      EXPECT_EQ(call.times, 1);
      if (call.code == Code::kOk) {
        EXPECT_TRUE(is_pattern(call.payload, static_cast<std::uint32_t>(token)));
        for (const Attachment& each : call.attachments) {
          EXPECT_GE(each.bytes.size(), 10'000U);
          EXPECT_TRUE(is_pattern(each.bytes, static_cast<std::uint32_t>(token)));
        }
      } else {
        EXPECT_EQ(call.code, Code::kResourceExhausted);
        ++failed;
      }
    }
    EXPECT_LE(failed, 1);
    const std::uint64_t after = conversation.call(20'000);
    ASSERT_TRUE(conversation.settle());
    EXPECT_EQ(conversation.ended[after].code, Code::kOk);
    EXPECT_EQ(conversation.times_ready, 1) << "the connection was lost";
    EXPECT_EQ(conversation.server_status().running_calls, 0U);
    EXPECT_EQ(conversation.client_status().pending_calls, 0U);
    EXPECT_EQ(conversation.client_status().queued_bytes, 0U);
    if (!has_failed) {
      EXPECT_GT(spared, 3U) << "no allocation of a message was counted";
      return;
    }
  }
}

TEST_P(WithoutMemory, CallsEndAndLaterOnesWorkWhenThereIsNoneForAWhile) {
  for (std::size_t spared = 0;; ++spared) {
    SCOPED_TRACE("the first allocation that fails: " + std::to_string(spared));
    Conversation conversation(address(), GetParam().client_suffers);
    ASSERT_TRUE(conversation.connect());
    const FailingMemory failing(spared, 20);
    call_all(conversation);
    ASSERT_TRUE(conversation.settle());
    for (const auto& [token, call] : conversation.ended) EXPECT_EQ(call.times, 1);
    std::uint64_t after = 0;
    do {
      after = conversation.call(20'000);
      ASSERT_TRUE(conversation.settle());
    } while (conversation.ended[after].code != Code::kOk);
    if (!FailingMemory::has_failed()) return;
  }
}

// A service that has its name for itself, or is found beside it.
class ServiceFoundAgain : public WithoutMemory {
 protected:
  void lose_and_find(bool shared) {
    for (const std::size_t failing : {1UL, 8UL}) {
      for (std::size_t spared = 0;; ++spared) {
        SCOPED_TRACE(std::to_string(failing) + " allocations fail, the first " + std::to_string(spared));
        Conversation conversation(address(), true, shared);
        ASSERT_TRUE(conversation.connect());
        bool has_failed = false;
        {
          const FailingMemory memory(spared, failing);
          conversation.restart();
          ASSERT_TRUE(conversation.run([&] { return conversation.times_ready == 2; }));
          has_failed = FailingMemory::has_failed();
        }
        const std::uint64_t after = conversation.call(20'000);
        ASSERT_TRUE(conversation.settle());
        EXPECT_EQ(conversation.ended[after].code, Code::kOk) << conversation.ended[after].message;
        if (!has_failed) break;
      }
    }
  }
};

TEST_P(ServiceFoundAgain, ByAClientThatLosesItsConnection) { lose_and_find(false); }

TEST_P(ServiceFoundAgain, BesideItsName) { lose_and_find(true); }

const auto kName = [](const auto& tested) {
  return std::string(tested.param.transport) + (tested.param.client_suffers ? "Client" : "Server");
};

INSTANTIATE_TEST_SUITE_P(Sides, WithoutMemory,
                         testing::Values(Setting{"shm", true}, Setting{"shm", false}, Setting{"unix", true},
                                         Setting{"unix", false}),
                         kName);
INSTANTIATE_TEST_SUITE_P(Sides, ServiceFoundAgain, testing::Values(Setting{"shm", true}, Setting{"unix", true}), kName);

}  // namespace
}  // namespace ipcbridge
