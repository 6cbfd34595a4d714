#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/workers/blocking_driver.hpp"
#include "core/workers/worker.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::testing_support {

inline std::unique_ptr<BlockingDriver> make_driver(BlockingDriver::Observer observer = {}) {
  return std::move(BlockingDriver::create(DriverOptions{}, std::move(observer))).value();
}
inline std::unique_ptr<BlockingDriver> make_driver(System& system) {
  DriverOptions options;
  options.system = &system;
  return std::move(BlockingDriver::create(options, {})).value();
}

// Opens once; whoever waits gets through.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

// Counts what other threads do, and waits for it.
class Counter {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

// A service whose requests run on Workers.
class Service {
 public:
  using Handler = std::function<void(BlockingDriver&, const InboundCall&)>;

  Service(BlockingDriver& driver, const std::string& address, int threads, Handler handler, const Limits& limits = {},
          std::vector<std::uint32_t> serial_groups = {})
      : driver_(driver), handler_(std::move(handler)) {
    ServeOptions options;
    options.address = address;
    options.methods = {"echo", "slow"};
    options.limits = limits;
    options.serial_groups = std::move(serial_groups);
    id_ = driver_.driver().serve(options).value();
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Service() {
    stop();
    driver_.driver().close_server(id_, Duration::zero());
  }
  void stop() {
    driver_.stop_workers(id_);
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  ServerId id() const { return id_; }
  Counter entered;
  Counter served;

 private:
  void work() {
    Worker worker(driver_, id_);
    for (InboundCall inbound; worker.next(inbound);) {
      entered.add();
      handler_(driver_, inbound);
      served.add();
    }
  }

  BlockingDriver& driver_;
  Handler handler_;
  ServerId id_ = 0;
  std::vector<std::thread> threads_;
};

inline void echo(BlockingDriver& driver, const InboundCall& inbound) { driver.reply(inbound.key, inbound.payload); }

inline CallOptions within_seconds(int seconds) {
  CallOptions options;
  options.timeout = std::chrono::seconds(seconds);
  return options;
}

class BlockingDriverTest : public testing::Test {
 protected:
  ClientId connect(BlockingDriver& driver) {
    ConnectOptions options;
    options.addresses = {address_};
    return driver.driver().connect(options).value();
  }
  CallResult call(ClientId client, std::string_view payload, const CallOptions& options = {},
                  const std::string& name = "echo", const Interrupted& interrupted = {}) {
    return client_->call(client, client_->driver().intern_method(client, name), options, {}, as_bytes(payload),
                         interrupted);
  }

  void wait_for_queued(ClientId client, std::uint64_t calls) {
    const TimePoint deadline = Clock::now() + std::chrono::seconds(10);
    while (client_->driver().client_status(client).queued_calls != calls) {
      ASSERT_LT(Clock::now(), deadline);
      std::this_thread::yield();
    }
  }

  TemporaryDirectory directory_;
  std::string address_ = "shm://" + (directory_ / "calc");
  std::unique_ptr<BlockingDriver> server_ = make_driver();
  std::unique_ptr<BlockingDriver> client_ = make_driver();
};

}  // namespace ipcbridge::testing_support
