#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/handlers.hpp"
#include "bindings/python/pending_calls.hpp"
#include "bindings/python/responder.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/event_batch.hpp"
#include "core/workers/handler_pool.hpp"
#include "core/workers/loop_reader.hpp"

namespace ipcbridge::python {

// The Driver of one asyncio loop as Python sees it. In a forked child every method raises failed_precondition.
// Only on the loop's thread, unless said otherwise.
class DriverBinding final : public Responder {
 public:
  // `loop`: a weak reference to it. `call_type(loop=...)` makes the future of a call. `queue_poll()` has the
  // loop call run_poll() soon.
  DriverBinding(pybind11::object loop, pybind11::object call_type, pybind11::object queue_poll);
  ~DriverBinding() override;
  DriverBinding(const DriverBinding&) = delete;
  DriverBinding& operator=(const DriverBinding&) = delete;

  // The driver. Raises if there is none.
  Driver& alive();
  // The same, for anything that may be answered soon: the loop looks before it sleeps.
  Driver& waking();
  // Raises in a forked child.
  void check_process() const;
  // Any thread.
  bool usable() const;
  // Closes everything at once. Every method raises afterwards.
  void shut_down();

  // Handles what has happened, for about a millisecond: (whether anything has, whether to ask again at once). Calls of
  // servers go to their handlers, answers to their futures, and to `on_event`
  //   ("cancel", server, key)
  //   ("client", client, state, code, message), ("server", server, state, code, message)
  //   ("room", client)
  // What one of them raises goes to `on_error(exception)`; what is no Exception is raised here in the end.
  pybind11::tuple run(const pybind11::object& self, const pybind11::object& on_event, const pybind11::object& on_error);

  // After anything that may be answered soon: the loop looks before it sleeps. One poll at most waits in its queue.
  void poll_soon();
  void poll_soon_and_go_on();
  // The poll that was queued. If it raises, another is queued.
  void run_poll(const pybind11::object& poll);
  // Whether to call run(). Spins without the GIL for at most so long (0: true at once): None
  // when the time is over, False when spinning is not worth it.
  pybind11::object poll(std::int64_t most_us);
  bool prepare_sleep();
  // Any thread, without the GIL. See LoopReader.
  bool read_for(HandlerPool& pool) { return reader_.read_for(pool); }

  // `context`: the handlers'. See HandlerContext. Plain handlers are left to the threads of `pool`, of which
  // `start_thread()` starts one, or says that it cannot.
  void add_server(ServerId server, Handlers handlers, pybind11::object context, pybind11::object before,
                  const std::shared_ptr<HandlerPool>& pool, pybind11::object start_thread);
  // Its threads leave when they are done with what they run.
  void remove_server(ServerId server);

  // The running loop is this one: a new reference to it. Null otherwise, also with an exception set.
  PyObject* running_loop() const;
  // A new future for a call, or null with an exception set.
  PyObject* new_call(PyObject* loop) const;
  PendingCalls& pending() { return pending_; }

  // The streams among the arguments of a call, until they begin, or it ends: then they are closed. And the functions,
  // until it and the streams of its result have ended.
  void keep_sources(std::uint64_t token, std::vector<PyObject*> sources, std::vector<std::uint64_t> references) {
    sources_[token] = {std::move(sources), std::move(references)};
  }
  // False when there are none.
  bool drop_sources(std::uint64_t token);
  // start(producer) has a task make the items of such a stream.
  void use_stream_start(pybind11::object start) { start_stream_ = std::move(start); }

  // A class derived from _native.LoopStream, for the streams that arrive.
  // `next_item(stream)`: awaits the arrival of the next item, and then takes it.
  void use_stream_type(pybind11::object type, pybind11::object next_item) {
    stream_type_ = std::move(type);
    next_item_ = std::move(next_item);
  }
  const pybind11::object& next_item() const { return next_item_; }
  PyObject* stream_type() const { return stream_type_.ptr(); }
  // A new future of the loop's, or null with an exception set.
  PyObject* new_future() const;
  // Stream objects, by what arrives for them.
  void note_stream(const StreamKey& stream, PyObject* object) { loop_streams_[stream] = object; }
  void forget_stream(const StreamKey& stream) {
    loop_streams_.erase(stream);
    if (!passed_references_.empty()) passed_references_.erase(stream);
  }
  // See Driver and BlockingDriver. They touch no Python.
  void leave_stream(StreamQueue& stream);
  void consume_stream(const StreamKey& stream, std::uint64_t items, std::uint64_t bytes);
  // Nobody waits for the call any more.
  void abandon(const pybind11::object& call);

  // Any thread.
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

 private:
  struct Served {
    Handlers handlers;
    pybind11::object context;
    pybind11::object before;
    std::shared_ptr<HandlerPool> pool;
    pybind11::object start_thread;
  };

  void take_reading_back();
  void run_calls(PyObject* self, TimePoint end, const pybind11::object& on_error);
  void call_threads(const pybind11::object& on_error);
  void note_raised(const pybind11::object& on_error);
  bool run_row(PyObject* self, const EventRow& row, PyObject* on_event);
  bool settle(const EventRow& row);
  void keep_references(std::uint64_t token, const EventRow& row);
  bool begin_arguments(PyObject* self, const EventRow& row);
  bool wake_stream(const StreamKey& stream);
  bool resume(const StreamKey& stream);
  bool push_to_pool(const StreamKey& stream);
  bool run_row_or_throw(PyObject* self, const EventRow& row, PyObject* on_event);
  bool handle_call(PyObject* self, InboundCall& call);
  pybind11::tuple to_event(const EventRow& row) const;
  bool runs_here(PyObject* loop) const;

  std::uint32_t generation_;
  pybind11::object loop_;
  pybind11::object call_type_;
  pybind11::object queue_poll_;
  pybind11::object get_running_loop_;
  bool is_poll_queued_ = false;
  pybind11::object ending_;               // what ends the program and is to be raised yet
  mutable bool tells_its_thread_ = true;  // until its loop does not
  std::unique_ptr<Driver> driver_;
  std::vector<std::uint32_t> table_;
  std::vector<std::byte> slab_;
  EventBatch batch_;
  StreamTable streams_;
  LoopReader reader_{batch_, streams_};
  PendingCalls pending_;
  pybind11::object stream_type_;
  pybind11::object next_item_;
  pybind11::object start_stream_;
  struct Sources {
    std::vector<PyObject*> streams;  // owned
    std::vector<std::uint64_t> references;
  };
  class PassedReferences;
  std::unordered_map<std::uint64_t, Sources> sources_;  // by a call's token
  // By the streams of their calls' results.
  std::unordered_map<StreamKey, std::shared_ptr<PassedReferences>, RequestKeyHash> passed_references_;
  std::unordered_map<StreamKey, PyObject*, RequestKeyHash> loop_streams_;  // borrowed
  std::unordered_map<ServerId, Served> servers_;
  std::vector<std::weak_ptr<HandlerPool>> pools_;  // also of servers that are closed
};

void bind_driver(pybind11::module_& module);

}  // namespace ipcbridge::python
