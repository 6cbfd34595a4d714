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

#include "core/workers/pump.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::testing_support {

inline std::unique_ptr<Pump> make_pump(Pump::Observer observer = {}) {
  return std::move(Pump::create(DriverOptions{}, std::move(observer))).value();
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

// A service whose requests run on threads of a pump.
class Service {
 public:
  using Handler = std::function<void(Pump&, const Work&)>;

  Service(Pump& pump, const std::string& address, int threads, Handler handler, const Limits& limits = {})
      : pump_(pump), handler_(std::move(handler)) {
    ServeOptions options;
    options.address = address;
    options.methods = {"echo", "slow"};
    options.limits = limits;
    id_ = pump_.driver().serve(options).value();
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Service() {
    stop();
    pump_.driver().close_server(id_, Duration::zero());
  }
  void stop() {
    pump_.stop_workers(id_);
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  ServerId id() const { return id_; }
  Counter entered;
  Counter served;

 private:
  void work() {
    Work request;
    while (pump_.next_work(id_, request)) {
      entered.add();
      handler_(pump_, request);
      served.add();
    }
  }

  Pump& pump_;
  Handler handler_;
  ServerId id_ = 0;
  std::vector<std::thread> threads_;
};

inline void echo(Pump& pump, const Work& work) { pump.driver().reply(work.key, work.payload); }

inline CallOptions within_seconds(int seconds) {
  CallOptions options;
  options.timeout = std::chrono::seconds(seconds);
  return options;
}

class PumpTest : public testing::Test {
 protected:
  ClientId connect(Pump& pump) {
    ConnectOptions options;
    options.addresses = {address_};
    return pump.driver().connect(options).value();
  }
  CallResult call(ClientId client, std::string_view payload, const CallOptions& options = {},
                  const std::string& name = "echo", const Pump::Interrupted& interrupted = {}) {
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
  std::unique_ptr<Pump> server_ = make_pump();
  std::unique_ptr<Pump> client_ = make_pump();
};

}  // namespace ipcbridge::testing_support
