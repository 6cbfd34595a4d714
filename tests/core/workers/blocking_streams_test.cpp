// Streams between threads: what makes them is resumed on workers, or on the thread that calls.
#include <atomic>
#include <functional>
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

  // Gives nothing back, so that the producer stops, and whoever reads on waits.
  bool read_window(StreamQueue& stream) {
    StreamQueue::Batch batch;
    for (std::uint64_t items = 0; items < Limits{}.stream_window_items; items += batch.count) {
      if (client_->next_items(stream, batch, kNever, {}).value() != NextItems::kItems) return false;
    }
    return true;
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
  ASSERT_TRUE(read_window(stream));
  StreamQueue::Batch batch;
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
class NumberArgument : public LocalWork {
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

// The same, and makes a call of its own before.
class CallingArgument final : public NumberArgument {
 public:
  CallingArgument(BlockingDriver& driver, std::function<CallResult()> call)
      : NumberArgument(driver, 1), call_(std::move(call)) {}

  bool go_on(Due due) override {
    if (!result) result = call_();
    return NumberArgument::go_on(std::move(due));
  }

  std::optional<CallResult> result;

 private:
  std::function<CallResult()> call_;
};

// The same of a call that no thread waits for.
class ToldArgument final : public NumberArgument {
 public:
  using NumberArgument::NumberArgument;

  void on_due() override { is_told_ = true; }
  void go_on_if_told() {
    if (is_told_.exchange(false)) go_on(take_due());
  }

 private:
  std::atomic<bool> is_told_{false};
};

// A service whose "sum" adds the numbers of the stream that it is passed.
class SumService {
 public:
  SumService(BlockingDriver& driver, const std::string& address) : driver_(driver) {
    ServeOptions options;
    options.address = address;
    options.methods = {"sum"};
    id_ = driver_.driver().serve(options).value();
    thread_ = std::thread([this] {
      Worker worker(driver_, id_);
      for (InboundCall inbound; worker.next(inbound);) add(inbound);
    });
  }
  ~SumService() { stop(); }
  void stop() {
    driver_.stop_workers(id_);
    if (thread_.joinable()) thread_.join();
  }

  std::uint64_t total = 0;  // once it is stopped

 private:
  void add(const InboundCall& inbound) {
    const StreamTable::Queues queues = driver_.take_arguments(inbound.key);
    StreamQueue::Batch batch;
    while (driver_.next_items(*queues.at(0), batch, kNever, {}).value() == NextItems::kItems) {
      for (ConstBytes rest = batch.items; !rest.empty(); rest = rest.subspan(12)) {
        total += load<std::uint64_t>(rest.data() + 4);
      }
      driver_.driver().consume_stream(queues[0]->key(), batch.count, batch.bytes);
    }
    driver_.reply(inbound.key, {});
  }

  BlockingDriver& driver_;
  ServerId id_ = 0;
  std::thread thread_;
};

class StreamArguments : public BlockingStreams {
 protected:
  CallResult call_with(LocalWork& argument) {
    CallOptions with_stream;
    with_stream.streams = 1;
    const std::uint32_t method = client_->driver().intern_method(summer_, "sum");
    return client_->call(summer_, method, with_stream, {}, {}, {}, &argument);
  }

  SumService sum_{*server_, address_ + "2"};
  ClientId summer_ = [this] {
    ConnectOptions options;
    options.addresses = {address_ + "2"};
    return client_->driver().connect(options).value();
  }();
};

TEST_F(StreamArguments, AreMadeByTheThreadThatCalls) {
  constexpr std::uint64_t kCount = 50'000;
  {
    NumberArgument argument(*client_, kCount);
    const CallResult result = call_with(argument);
    EXPECT_EQ(result.outcome.code, Code::kOk) << result.message;
    for (const std::thread::id thread : argument.threads) EXPECT_EQ(thread, std::this_thread::get_id());
  }
  sum_.stop();
  EXPECT_EQ(sum_.total, kCount * (kCount - 1) / 2);
}

TEST_F(StreamArguments, OfASubmittedCallTellWhenThereIsSomethingToDo) {
  constexpr std::uint64_t kCount = 50'000;
  {
    ToldArgument argument(*client_, kCount);
    SubmittedCall call;
    call.local = &argument;
    CallOptions with_stream;
    with_stream.streams = 1;
    const std::uint32_t method = client_->driver().intern_method(summer_, "sum");
    ASSERT_TRUE(client_->submit(call, summer_, method, with_stream, {}, {}, {}).ok());
    while (client_->take_answered() == nullptr) {
      argument.go_on_if_told();
      std::this_thread::yield();
    }
    EXPECT_EQ(call.result.outcome.code, Code::kOk) << call.result.message;
  }
  sum_.stop();
  EXPECT_EQ(sum_.total, kCount * (kCount - 1) / 2);
}

TEST_F(StreamArguments, OfACallThatHasEndedAreNotTheWorkOfWhoReadsAStreamThatBeganWithinIt) {
  NumberArgument inner(*client_, 0);
  CallingArgument outer(*client_, [&] {
    Buffer limit;
    append(limit, ~0ULL);
    return client_->call(caller_, client_->driver().intern_method(caller_, "echo"), {}, {}, limit, {}, &inner);
  });
  EXPECT_EQ(call_with(outer).outcome.code, Code::kOk);
  const std::size_t times = outer.threads.size();
  StreamQueue& kept = *outer.result.value().streams.at(0);
  ASSERT_TRUE(read_window(kept));

  outer.add_call({});
  StreamQueue::Batch batch;
  EXPECT_EQ(client_
                ->next_items(
                    kept, batch, kNever, [] { return true; }, &inner)
                .value(),
            NextItems::kInterrupted);
  EXPECT_EQ(outer.threads.size(), times);
  client_->leave_stream(kept);
}

}  // namespace
}  // namespace ipcbridge
