// DriverBinding: the streams of both sides.
#include <optional>
#include <utility>
#include <vector>

#include "bindings/python/driver_binding.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/loop_stream.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/references.hpp"
#include "bindings/python/stream_producer.hpp"
#include "bindings/python/stream_source.hpp"

namespace py = pybind11;

namespace ipcbridge::python {

// The functions that a call has passed, until nobody may call them.
class DriverBinding::PassedReferences {
 public:
  PassedReferences(Responder& responder, std::vector<std::uint64_t> ids)
      : responder_(responder), ids_(std::move(ids)) {}
  ~PassedReferences() { end_references(responder_, ids_); }
  PassedReferences(const PassedReferences&) = delete;
  PassedReferences& operator=(const PassedReferences&) = delete;

 private:
  Responder& responder_;
  std::vector<std::uint64_t> ids_;
};

bool DriverBinding::drop_sources(std::uint64_t token) {
  if (sources_.empty()) return false;
  const auto found = sources_.find(token);
  if (found == sources_.end()) return false;
  const Sources sources = std::move(found->second);
  sources_.erase(found);
  for (PyObject* source : sources.streams) {
    close_source(source);
    Py_DECREF(source);
  }
  if (!sources.references.empty()) end_references(*this, sources.references);
  return true;
}

bool DriverBinding::begin_arguments(PyObject* self, const EventRow& row) {
  const auto found = sources_.find(row.wide(EventRow::kToken));
  if (found == sources_.end()) return true;
  std::vector<PyObject*> sources = std::exchange(found->second.streams, {});
  if (found->second.references.empty()) sources_.erase(found);
  return begin_streams_in_tasks(*this, self, start_stream_.ptr(), row.key(), sources);
}

bool DriverBinding::settle(const EventRow& row) {
  const std::uint64_t token = row.wide(EventRow::kToken);
  if (row.streams() != 0) keep_references(token, row);
  drop_sources(token);
  ReceivedReferences references(*this, row.key().connection);
  if (row.streams() == 0) return pending_.settle(batch_, row, nullptr, references);
  const auto keeper = py::reinterpret_borrow<py::object>(pending_.keeper(token));
  const StreamLimits limits = pending_.limits(token);
  LoopStreams streams(*this, streams_.take_arguments(row.key()), keeper.ptr(), limits);
  return pending_.settle(batch_, row, &streams, references);
}

// What the call has passed lives until the streams of its result have ended.
void DriverBinding::keep_references(std::uint64_t token, const EventRow& row) {
  const auto found = sources_.find(token);
  if (found == sources_.end() || found->second.references.empty()) return;
  const auto passed = std::make_shared<PassedReferences>(*this, std::exchange(found->second.references, {}));
  for (std::uint64_t i = 0; i < row.streams(); ++i) {
    passed_references_[{row.key().connection, row.key().id + i}] = passed;
  }
}

bool DriverBinding::wake_stream(const StreamKey& stream) {
  const auto found = loop_streams_.find(stream);
  if (found == loop_streams_.end()) return true;
  const auto object = py::reinterpret_borrow<py::object>(found->second);
  return wake_loop_stream(object.ptr());
}

// What a plain handler has begun goes on on a thread.
bool DriverBinding::resume(const StreamKey& stream) {
  return runs_on_threads(*this, stream) ? push_to_pool(stream) : resume_stream(*this, stream);
}

bool DriverBinding::push_to_pool(const StreamKey& stream) {
  const std::optional<StreamTable::Origin> origin = streams_.origin(stream);
  const auto found = origin ? servers_.find(origin->server) : servers_.end();
  if (found == servers_.end()) return resume_stream(*this, stream);
  const Served served = found->second;
  InboundCall call;
  call.key = stream;
  call.server = origin->server;
  call.method = origin->method;
  call.resumes = true;
  served.pool->push(std::move(call));
  return !served.pool->call_thread() || succeeded(PyObject_CallNoArgs(served.start_thread.ptr()));
}

std::optional<OpenedStreams> DriverBinding::reply(const InboundCall& call, const Payload& payload,
                                                  std::uint32_t streams, std::span<const std::uint64_t> references) {
  if (!usable()) return std::nullopt;
  const std::optional<OpenedStreams> opened = driver_->reply(call.key, payload, nullptr, streams, references);
  if (opened) streams_.begin(opened->first, streams, {call.server, call.method});
  streams_.drop_arguments(call.key);
  poll_soon_and_go_on();
  return opened;
}

Driver::Allocator DriverBinding::allocator_for(std::uint64_t connection) {
  return usable() ? driver_->allocator_for(connection) : Driver::Allocator();
}

Result<StreamRoom> DriverBinding::stream_room(const StreamKey& stream) {
  if (!usable()) return Error{Code::kCancelled, "the service has ended"};
  return driver_->stream_room(stream);
}

Result<StreamRoom> DriverBinding::send_items(const StreamKey& stream, const Payload& body) {
  if (!usable()) return Error{Code::kCancelled, "the service has ended"};
  return driver_->send_items(stream, body);
}

void DriverBinding::end_stream(const StreamKey& stream, const Error* error, ConstBytes details) {
  if (!usable()) return;
  streams_.finish(stream);
  driver_->end_stream(stream, error, details);
  poll_soon_and_go_on();
}

// What a signal's handler raises there, the next run() raises: here it would leave half done what the peer knows of.
void DriverBinding::poll_soon_and_go_on() {
  try {
    poll_soon();
  } catch (py::error_already_set& raised) {
    ending_ = py::reinterpret_borrow<py::object>(raised.value());
  }
}

void DriverBinding::resume_later(const StreamKey& stream) {
  if (usable() && !push_to_pool(stream)) PyErr_WriteUnraisable(nullptr);
}

std::unique_ptr<StreamMaker> DriverBinding::arguments_of(const InboundCall& call) {
  return std::make_unique<LoopStreams>(*this, streams_.take_arguments(call.key));
}

void DriverBinding::leave_stream(StreamQueue& stream) {
  streams_.forget(stream.key());
  stream.close();
  if (usable()) driver_->cancel_stream(stream.key());
}

void DriverBinding::consume_stream(const StreamKey& stream, std::uint64_t items, std::uint64_t bytes) {
  if (usable()) driver_->consume_stream(stream, items, bytes);
}

PyObject* DriverBinding::new_future() const {
  const auto loop = py::reinterpret_steal<py::object>(running_loop());
  if (!loop) {
    if (PyErr_Occurred() == nullptr) {
      set_python_error({Code::kFailedPrecondition, "this stream belongs to another event loop, or thread"});
    }
    return nullptr;
  }
  return PyObject_CallMethod(loop.ptr(), "create_future", nullptr);
}

}  // namespace ipcbridge::python
