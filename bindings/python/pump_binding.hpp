#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/state_board.hpp"
#include "core/workers/blocking_driver.hpp"
#include "core/workers/inbound_call.hpp"

namespace ipcbridge::python {

// The process's BlockingDriver as Python sees it. In a forked child every method raises failed_precondition.
//
// Whatever may wait releases the GIL, and by hand: a destructor that took it back would end the process
// when a daemon thread is unwound at interpreter exit.
class PumpBinding {
 public:
  explicit PumpBinding(bool spin);
  ~PumpBinding();
  PumpBinding(const PumpBinding&) = delete;
  PumpBinding& operator=(const PumpBinding&) = delete;

  // The driver, or an IpcError raised.
  BlockingDriver& alive();
  bool is_alive() const { return pump_ != nullptr; }
  StateBoard& board();
  // Raises in a forked child.
  void check_process() const;

  // No more news; the pump's threads end, unless somebody is still inside.
  void shut_down();

  // Counts the threads inside, which shut_down must not pull the pump from under.
  class Visit {
   public:
    explicit Visit(PumpBinding& binding) : count_(binding.inside_) { count_.fetch_add(1, std::memory_order_relaxed); }
    ~Visit() { count_.fetch_sub(1, std::memory_order_release); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    std::atomic<int>& count_;
  };

  ClientId connect(const ConnectOptions& options);
  ServerId serve(const ServeOptions& options);

  // Until the client is ready, or the server listens. Raises why it will never be; KeyboardInterrupt.
  void wait_client(ClientId client);
  void wait_server(ServerId server);
  // Until the server is closed, however long its handlers take.
  void wait_server_closed(ServerId server);

  // The work of a handler thread: until the server is closed, or an exception ends it. `handlers` is a list of
  // callables, one a method: handler(payload) returns the reply as bytes, (code, message, details) to answer with
  // an error, or None when it answers by itself, later.
  void run_worker(ServerId server, std::uint32_t shift, const pybind11::list& handlers);

  // For a handler that goes on with another request of its server, for that method: what runs has just begun.
  void begin_next(ServerId server, std::uint32_t method);

  // (kind, owner, state, code, message, connection, id, number); None after shut_down.
  pybind11::object next_news();

  // What the calling thread is handling: (method, metadata, timeout in us or 0, connection, id, notify); None
  // outside.
  static pybind11::object current_request();
  // How long ago, in microseconds, that was read.
  static std::int64_t current_age_us();

  void reply(std::uint64_t connection, std::uint64_t id, const pybind11::bytes& payload);
  void reply_error(std::uint64_t connection, std::uint64_t id, unsigned code, const std::string& message,
                   const pybind11::bytes& details);

  // Runs the handler of a call, and answers unless that comes later. False with an exception set.
  bool handle(BlockingDriver& pump, const InboundCall& call, PyObject* handlers);

 private:
  static bool send_reply(BlockingDriver& pump, const RequestKey& key, PyObject* reply);
  template <typename Done>
  void wait(Done done);

  // A server's handler threads. Guarded by the GIL.
  struct Crew {
    int workers = 0;
    int running = 0;
  };

  std::uint32_t generation_;
  std::shared_ptr<StateBoard> board_;  // shared with the observer
  std::unique_ptr<BlockingDriver> pump_;
  std::atomic<int> inside_{0};
  std::unordered_map<ServerId, Crew> crews_;
};

void bind_pump(pybind11::module_& module);

}  // namespace ipcbridge::python
