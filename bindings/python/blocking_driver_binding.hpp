#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/gil.hpp"
#include "bindings/python/handlers.hpp"
#include "bindings/python/responder.hpp"
#include "core/base/fork.hpp"
#include "core/endpoint/inbound_call.hpp"
#include "core/workers/blocking_driver.hpp"
#include "core/workers/state_tracker.hpp"

namespace ipcbridge::python {

class AwaitedWork;

// The process's BlockingDriver as Python sees it. In a forked child every method raises failed_precondition.
//
// Whatever may wait releases the GIL, and by hand: a destructor that took it back would end the process
// when a daemon thread is unwound at interpreter exit.
class BlockingDriverBinding final : public Responder {
 public:
  explicit BlockingDriverBinding(bool spin);
  ~BlockingDriverBinding() override;
  BlockingDriverBinding(const BlockingDriverBinding&) = delete;
  BlockingDriverBinding& operator=(const BlockingDriverBinding&) = delete;

  // The driver, or an IpcError raised.
  BlockingDriver& alive();
  bool is_alive() const { return driver_ != nullptr; }
  StateTracker& states();
  // In a forked child, whose parent it belongs to.
  bool is_inherited() const { return generation_ != fork_guard::generation(); }
  // Raises in a forked child.
  void check_process() const;

  // No more events; the driver's threads end, unless somebody is still inside.
  void shut_down();

  // Counts the threads inside, which shut_down must not pull the driver from under.
  class Visit {
   public:
    explicit Visit(BlockingDriverBinding& binding) : count_(binding.inside_) {
      count_.fetch_add(1, std::memory_order_relaxed);
    }
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

  // The work of a handler thread: until the server is closed, or an exception ends it. See HandlerContext for `before`.
  // What is found in `ending.raised` after a handler is raised, unless `ending` is None.
  static void run_worker(const pybind11::object& self, ServerId server, std::uint32_t epoch, ThreadPoolId pool,
                         const Handlers& handlers, const pybind11::object& before, const pybind11::object& ending);

  // (kind, owner, state, code, message, connection, id, number); None after shut_down.
  pybind11::object next_event();

  void reply(const RequestKey& key, const Payload& payload) override;
  void reply_error(const RequestKey& key, Code code, std::string_view message, ConstBytes details) override;
  bool cancelled(const RequestKey& key) override;
  std::optional<OpenedStreams> reply(const InboundCall& call, const Payload& payload, std::uint32_t streams,
                                     std::span<const std::uint64_t> references) override;
  Driver::Allocator allocator_for(std::uint64_t connection) override;
  Result<StreamRoom> stream_room(const StreamKey& stream) override;
  Result<StreamRoom> send_items(const StreamKey& stream, const Payload& body) override;
  void end_stream(const StreamKey& stream, const Error* error, ConstBytes details) override;
  void resume_later(const StreamKey& stream) override;
  std::unique_ptr<StreamMaker> arguments_of(const InboundCall& call) override;
  // Nothing more of it is wanted. Touches no Python.
  void leave_stream(StreamQueue& stream);
  // See BlockingDriver.
  void forget_streams(const LocalWork& streams);

  // Of the event loop on which submitted calls may be awaited. Guarded by the GIL.
  void use_awaited_work(std::shared_ptr<AwaitedWork> work) { awaited_work_ = std::move(work); }
  const std::shared_ptr<AwaitedWork>& awaited_work() const { return awaited_work_; }

 private:
  bool is_usable() const;
  template <typename Wait>
  auto wait(Wait wait);

  std::uint32_t generation_;
  std::shared_ptr<StateTracker> states_;  // shared with the observer
  std::unique_ptr<BlockingDriver> driver_;
  std::atomic<int> inside_{0};
  std::shared_ptr<AwaitedWork> awaited_work_;
};

// For what uses the driver, which another thread may want to shut down meanwhile.
template <typename F>
auto without_gil(BlockingDriverBinding& binding, F f) {
  const BlockingDriverBinding::Visit visit(binding);
  return without_gil(std::move(f));
}

void bind_blocking_driver(pybind11::module_& module);

}  // namespace ipcbridge::python
