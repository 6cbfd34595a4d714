// Streams between threads: what makes them is resumed on workers, or on the thread that calls.
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/workers/blocking_driver_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::BlockingDriverTest;
using testing_support::Service;
using NextItems = BlockingDriver::NextItems;

// The message with one item: a number.
Buffer number(std::uint64_t value) {
  Buffer body;
  append(body, std::uint32_t{1});
  append(body, static_cast<std::uint32_t>(sizeof value));
  append(body, value);
  return body;
}

// Sends the numbers up to a limit, as far as there is room.
struct Numbers {
  std::uint64_t next = 0;
  std::uint64_t limit = 0;

  // True when it is over.
  bool go_on(Driver& driver, const StreamKey& stream) {
    Result<StreamRoom> room = driver.stream_room(stream);
    while (next < limit && room.ok() && !room.value().empty()) room = driver.send_items(stream, number(next++));
    return !room.ok() || next == limit;
  }
};

// A service whose "echo" answers with as many numbers as the call says.
class NumberService {
 public:
  void operator()(BlockingDriver& driver, const InboundCall& inbound) {
    StreamKey stream = inbound.key;
    if (!inbound.resumes) {
      const auto limit = load<std::uint64_t>(inbound.payload.data());
      const std::optional<OpenedStreams> opened = driver.reply(inbound.key, {}, 1, {inbound.server, inbound.method});
      if (!opened) return;
      stream = opened->first;
      const std::lock_guard lock(mutex_);
      open_[stream.id ^ (stream.connection << 32U)] = Numbers{0, limit};
    }
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(stream.id ^ (stream.connection << 32U));
    if (found == open_.end() || !found->second.go_on(driver.driver(), stream)) return;
    driver.end_stream(stream);
    open_.erase(found);
  }

  std::size_t open() {
    const std::lock_guard lock(mutex_);
    return open_.size();
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, Numbers> open_;
};

class BlockingStreams : public BlockingDriverTest {
 protected:
  CallResult call_for(ClientId client, std::uint64_t limit) {
    Buffer payload;
    append(payload, limit);
    return call(client, as_text(payload));
  }

  // The sum of what arrives; nothing when it is not in order.
  std::optional<std::uint64_t> sum(StreamQueue& stream, LocalWork* local = nullptr) {
    std::uint64_t total = 0;
    std::uint64_t expected = 0;
    for (StreamQueue::Batch batch;;) {
      const Result<NextItems> got = client_->next_items(stream, batch, kNever, {}, local);
      if (got.value() == NextItems::kEnd) return total;
      if (got.value() != NextItems::kItems) return std::nullopt;
      for (ConstBytes rest = batch.items; !rest.empty(); rest = rest.subspan(12)) {
        if (load<std::uint64_t>(rest.data() + 4) != expected) return std::nullopt;
        total += expected++;
      }
      client_->driver().consume_stream(stream.key(), batch.count, batch.bytes);
    }
  }

  NumberService numbers_;
  Service service_{*server_, address_, 3,
                   [this](BlockingDriver& driver, const InboundCall& inbound) { numbers_(driver, inbound); }};
  ClientId caller_ = connect(*client_);
};

TEST_F(BlockingStreams, AThreadReadsAStream) {
  for (const std::uint64_t count : {0U, 1U, 100'000U}) {
    const CallResult result = call_for(caller_, count);
    ASSERT_EQ(result.streams.size(), 1U) << result.message;
    EXPECT_EQ(sum(*result.streams[0]), count * (count - 1) / 2 * (count > 0 ? 1 : 0));
  }
}

TEST_F(BlockingStreams, ManyThreadsReadAStreamEach) {
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 20; ++i) {
        const std::uint64_t count = 500 * t + i * 97;
        const CallResult result = call_for(caller_, count);
        const std::uint64_t expected = count == 0 ? 0 : count * (count - 1) / 2;
        if (result.streams.size() == 1 && sum(*result.streams[0]) == expected) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right.load(), 120);
}

TEST_F(BlockingStreams, AStreamThatIsLeftEndsItsProducer) {
  const CallResult result = call_for(caller_, ~0ULL);
  StreamQueue::Batch batch;
  ASSERT_EQ(client_->next_items(*result.streams.at(0), batch, kNever, {}).value(), NextItems::kItems);
  client_->leave_stream(*result.streams[0]);
  while (numbers_.open() != 0) std::this_thread::yield();
  EXPECT_EQ(client_->next_items(*result.streams[0], batch, kNever, {}).value(), NextItems::kEnd);
}

TEST_F(BlockingStreams, AWaitForAnItemEndsByItsDeadlineOrAnInterruption) {
  const CallResult result = call_for(caller_, ~0ULL);
  StreamQueue& stream = *result.streams.at(0);
  // Nothing is given back, so that the producer stops at the end of the window.
  StreamQueue::Batch batch;
  std::uint64_t items = 0;
  while (items < Limits{}.stream_window_items) {
    ASSERT_EQ(client_->next_items(stream, batch, kNever, {}).value(), NextItems::kItems);
    items += batch.count;
  }
  const TimePoint soon = Clock::now() + std::chrono::milliseconds(20);
  EXPECT_EQ(client_->next_items(stream, batch, soon, {}).value(), NextItems::kTimeout);
  EXPECT_EQ(client_->next_items(stream, batch, kNever, [] { return true; }).value(), NextItems::kInterrupted);
  client_->leave_stream(stream);
}

TEST_F(BlockingStreams, TheEndOfTheServiceEndsThem) {
  const CallResult result = call_for(caller_, ~0ULL);
  server_->driver().close_server(service_.id(), Duration::zero());
  StreamQueue::Batch batch;
  NextItems got = NextItems::kItems;
  while (got == NextItems::kItems) got = client_->next_items(*result.streams.at(0), batch, kNever, {}).value();
  EXPECT_EQ(got, NextItems::kEnd);
  EXPECT_EQ(result.streams[0]->how().code, Code::kUnavailable);
}

// Sends the numbers up to a limit as an argument, on the thread that waits.
class NumberArgument final : public LocalWork {
 public:
  NumberArgument(BlockingDriver& driver, std::uint64_t limit) : driver_(driver), numbers_{0, limit} {}
  ~NumberArgument() override { driver_.forget_streams(*this); }

  bool go_on(Due due) override {
    threads.push_back(std::this_thread::get_id());
    for (const StreamKey& stream : due.streams) {
      if (numbers_.go_on(driver_.driver(), stream)) driver_.end_stream(stream);
    }
    return true;
  }

  std::vector<std::thread::id> threads;

 private:
  BlockingDriver& driver_;
  Numbers numbers_;
};

TEST_F(BlockingStreams, ArgumentsAreMadeByTheThreadThatCalls) {
  constexpr std::uint64_t kCount = 50'000;
  const std::string other = address_ + "2";
  std::uint64_t total = 0;
  ServeOptions options;
  options.address = other;
  options.methods = {"sum"};
  const ServerId server = server_->driver().serve(options).value();
  std::thread worker_thread([&] {
    Worker worker(*server_, server);
    for (InboundCall inbound; worker.next(inbound);) {
      const StreamTable::Queues queues = server_->take_arguments(inbound.key);
      StreamQueue::Batch batch;
      while (server_->next_items(*queues.at(0), batch, kNever, {}).value() == NextItems::kItems) {
        for (ConstBytes rest = batch.items; !rest.empty(); rest = rest.subspan(12)) {
          total += load<std::uint64_t>(rest.data() + 4);
        }
        server_->driver().consume_stream(queues[0]->key(), batch.count, batch.bytes);
      }
      server_->reply(inbound.key, {});
    }
  });
  ConnectOptions to_other;
  to_other.addresses = {other};
  const ClientId client = client_->driver().connect(to_other).value();
  {
    NumberArgument argument(*client_, kCount);
    CallOptions with_stream;
    with_stream.streams = 1;
    const CallResult result =
        client_->call(client, client_->driver().intern_method(client, "sum"), with_stream, {}, {}, {}, &argument);
    EXPECT_EQ(result.outcome.code, Code::kOk) << result.message;
    for (const std::thread::id thread : argument.threads) EXPECT_EQ(thread, std::this_thread::get_id());
  }
  server_->stop_workers(server);
  worker_thread.join();
  EXPECT_EQ(total, kCount * (kCount - 1) / 2);
}

}  // namespace
}  // namespace ipcbridge
