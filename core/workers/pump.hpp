#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/events.hpp"
#include "core/endpoint/options.hpp"

namespace ipcbridge {

// A finished call, owned.
struct CallResult {
  Outcome outcome;  // its views point into the members below
  std::string message;
  Buffer storage;

  CallResult() = default;
  // A short string keeps its characters inside itself, so the view must follow it.
  CallResult(CallResult&& other) noexcept
      : outcome(other.outcome), message(std::move(other.message)), storage(std::move(other.storage)) {
    outcome.message = message;
  }
  CallResult& operator=(CallResult&& other) noexcept {
    outcome = other.outcome;
    message = std::move(other.message);
    storage = std::move(other.storage);
    outcome.message = message;
    return *this;
  }
};

// A request that a worker is to run, owned. A worker keeps one Work and passes it each time.
struct Work {
  RequestKey key;
  std::uint32_t method = 0;
  std::uint64_t timeout_us = 0;
  TimePoint received;  // when it was read, if it has a timeout
  Buffer storage;
  ConstBytes payload;        // in storage
  ConstBytes metadata;       // in storage
  std::uint32_t worker = 0;  // the pump's: which worker this is
  std::uint32_t shift = 0;   // of the worker: see begin_shift()
};

// Many blocking threads on one Driver, for consumers that have threads and no loop: Python's blocking API
// and C++ programs.
//
// One thread at a time holds the reader token and runs the Driver: a caller that waits reads its own reply,
// so that no helper thread stands between it and the peer. When no caller waits, an idle worker holds the
// token, or else the pump's own thread, asleep in the kernel. When several threads wait, the one that
// leaves hands the token on.
//
// Workers run requests on the thread that read them. Whoever takes longer than about a millisecond, or four
// where for a while nobody did, loses the reading to another worker (a monitor sees to it, and sleeps when
// there is nothing to see); a method with a history of being slow hands it on before it starts. What was
// read waits in a queue that every worker of the server takes from, so nothing is stranded behind a stuck
// handler.
class Pump {
 public:
  // Asked while a thread waits, at least once a second and soon after each signal: true ends the wait with `cancelled`.
  // It may take long and may call. Runs without any of the pump's locks and without the reading.
  using Interrupted = std::function<bool()>;

  // State changes and cancellations arrive here, on whichever thread is reading, under the Driver's lock:
  // copy, wake somebody, return.
  using Observer = std::function<void(const Event&)>;

  static Result<std::unique_ptr<Pump>> create(const DriverOptions& options, Observer observer);

  // Joins its threads. No thread may be in any method.
  ~Pump();
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  // For everything that does not wait: connect, serve, close, reply, status …
  Driver& driver();

  // Makes a call and waits for its end. Where the queue is full it waits for room, until the deadline.
  // `cancelled` when interrupted; the callee is then told.
  CallResult call(ClientId client, std::uint32_t method, const CallOptions& options, ConstBytes metadata,
                  ConstBytes payload, const Interrupted& interrupted);

  // Waits until `done` says so; it is asked again whenever an event has been observed. False when the deadline
  // passed or when interrupted.
  bool wait_until(const std::function<bool()>& done, TimePoint deadline, const Interrupted& interrupted);

  // The work of a server's handler thread. Blocks until there is a request; false after stop_workers() or
  // begin_shift(), or when interrupted. Between two calls of next_work the thread is considered busy with the request
  // it was given. A request that is cancelled before it began is answered by the pump and never returned.
  bool next_work(ServerId server, Work& work, const Interrupted& interrupted = {});

  // The same without taking a request: more_work() does, if nobody else has meanwhile. For a worker that has to wait
  // for its interpreter's lock, so that no request waits with it while whoever has that lock could run it. Until the
  // worker's next call of any of these it is taken to be on its way, and nobody else is woken for that request.
  bool await_work(ServerId server, Work& work, const Interrupted& interrupted = {});

  // For a worker that has put requests by and now, instead of returning, runs one of them: it has just begun.
  void begin_next(ServerId server, const Work& work, std::uint32_t method);

  // Ends a worker that will not ask for work again, in the middle of a request or not.
  void leave_work(ServerId server, Work& work);

  // Another request that is there already, without waiting and without reading: lets a worker that has
  // the GIL keep it.
  bool more_work(ServerId server, Work& work);

  // Makes every next_work and await_work of this server return false, now and later.
  void stop_workers(ServerId server);

  // The same for the workers of earlier shifts only: each leaves after the request that it is running. So the server's
  // requests pass from one set of threads to another while a handler of the first still runs. Gives the new shift.
  std::uint32_t begin_shift(ServerId server);

  // How many of the server's workers run a handler, and for how long the slowest has been doing so.
  struct Busy {
    std::uint32_t workers = 0;
    std::uint32_t running = 0;
    std::uint32_t queued = 0;
    std::uint32_t slowest_method = 0;
    Duration slowest = Duration::zero();
  };
  Busy busy(ServerId server);

 private:
  class Impl;
  explicit Pump(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace ipcbridge
