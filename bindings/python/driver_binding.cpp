#include "bindings/python/driver_binding.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "bindings/python/errors.hpp"
#include "bindings/python/gil.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/text.hpp"
#include "core/base/fork.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

constexpr std::size_t kRows = 256;
constexpr std::size_t kSlabBytes = 4 * EventBatch::kMinSlabBytes;

// Before the loop's other work gets its chance.
constexpr Duration kLoopBudget = std::chrono::milliseconds(1);

PyObject* referent(PyObject* reference) {
#if PY_VERSION_HEX >= 0x030D0000
  PyObject* object = nullptr;
  PyWeakref_GetRef(reference, &object);
  return object;
#else
  PyObject* object = PyWeakref_GetObject(reference);
  if (object == nullptr || object == Py_None) return nullptr;
  Py_INCREF(object);
  return object;
#endif
}

bool opens_streams_of_result(const EventRow& row) {
  return static_cast<EventKind>(row.words[EventRow::kKind]) == EventKind::kOutcome && row.streams() != 0;
}

void report(const py::object& error, const py::object& on_error) {
  try {
    on_error(error);
  } catch (py::error_already_set& failure) {
    failure.discard_as_unraisable("ipcbridge");
  }
}

[[noreturn]] void raise_again(const py::object& error) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  throw py::error_already_set();
}

}  // namespace

DriverBinding::DriverBinding(py::object loop, py::object call_type, py::object queue_poll)
    : generation_(fork_guard::generation()),
      loop_(std::move(loop)),
      call_type_(std::move(call_type)),
      queue_poll_(std::move(queue_poll)),
      get_running_loop_(py::module_::import("asyncio").attr("_get_running_loop")),
      table_(kRows * EventRow::kWords),
      slab_(kSlabBytes) {
  batch_.use(table_, slab_);
  DriverOptions options;
  options.language = Language::kPython;
  driver_ = unwrap(Driver::create(options));
}

DriverBinding::~DriverBinding() = default;

bool DriverBinding::usable() const { return driver_ != nullptr && generation_ == fork_guard::generation(); }

void DriverBinding::check_process() const { python::check_process(generation_); }

Driver& DriverBinding::alive() {
  check_process();
  if (driver_ == nullptr) raise(Code::kFailedPrecondition, "the event loop was closed");
  return *driver_;
}

Driver& DriverBinding::waking() {
  Driver& driver = alive();
  poll_soon();
  return driver;
}

// A thread that reads may have been kept from it for long; it needs no GIL, but others do.
void DriverBinding::take_reading_back() {
  if (reader_.try_take_reading_back()) return;
  without_gil([this] {
    reader_.take_reading_back();
    return true;
  });
}

void DriverBinding::shut_down() {
  take_reading_back();
  driver_.reset();
  streams_.end_all();
  while (!servers_.empty()) remove_server(servers_.begin()->first);
  pending_.clear();
  reference_hooks() = py::object();
}

// Elsewhere than on the loop the Driver itself wakes it, as it does for messages that arrive.
void DriverBinding::poll_soon() {
  if (is_poll_queued_) return;
  const auto loop = py::reinterpret_steal<py::object>(running_loop());
  if (!loop) {
    PyErr_Clear();
    return;
  }
  queue_poll_();
  is_poll_queued_ = true;  // only now: a signal handler may raise there
}

py::tuple DriverBinding::run(const py::object& self, const py::object& on_event, const py::object& on_error) {
  check_process();
  take_reading_back();
  const TimePoint end = Clock::now() + kLoopBudget;
  bool handled = false;
  bool more = true;
  while (more && driver_ != nullptr) {
    // With the GIL: this is bounded and short, and a thread that lets go of the GIL may get it back only 5 ms later.
    more = reader_.run(*driver_);
    handled = handled || !batch_.empty() || reader_.has_read_calls();
    bool opens_streams = false;
    for (std::size_t at = 0; at < batch_.size(); ++at) {
      const EventRow row = batch_.row(at);
      opens_streams = opens_streams || opens_streams_of_result(row);
      if (!run_row(self.ptr(), row, on_event.ptr())) note_raised(on_error);
    }
    pending_.drop_removed();
    run_calls(self.ptr(), end, on_error);
    more = more || reader_.has_calls();
    // The first items are close behind: whoever asks for them in this turn of the loop need not wait for the next.
    // What is asked whether to stop is asked after some four microseconds.
    if (opens_streams && driver_ != nullptr) more = more || reader_.spin(*driver_, [] { return true; });
    if (reader_.has_read_calls()) call_threads(on_error);
    if (ending_) raise_again(std::exchange(ending_, py::object()));
    if (Clock::now() >= end) break;
  }
  return py::make_tuple(handled, more && driver_ != nullptr);
}

// What ends the program, such as Ctrl-C, does so when the rest has been handled.
void DriverBinding::note_raised(const py::object& on_error) {
  py::object error = take_exception();
  if (PyObject_IsInstance(error.ptr(), PyExc_Exception) == 1) {
    report(error, on_error);
  } else {
    ending_ = std::move(error);
  }
}

void DriverBinding::run_calls(PyObject* self, TimePoint end, const py::object& on_error) {
  for (InboundCall call; reader_.take(call);) {
    if (!handle_call(self, call)) note_raised(on_error);
    if (Clock::now() >= end) return;
  }
}

// Only now: until here they would have waited for the GIL.
void DriverBinding::call_threads(const py::object& on_error) {
  std::vector<py::object> starts;  // the servers may change meanwhile
  for (const auto& [server, served] : servers_) {
    if (served.pool->call_thread()) starts.push_back(served.start_thread);
  }
  for (const py::object& start_thread : starts) {
    if (!succeeded(PyObject_CallNoArgs(start_thread.ptr()))) note_raised(on_error);
  }
}

// Whatever becomes of one row, the rest are handled. False with an exception set.
bool DriverBinding::run_row(PyObject* self, const EventRow& row, PyObject* on_event) {
  try {
    return run_row_or_throw(self, row, on_event);
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  }
  return false;
}

bool DriverBinding::run_row_or_throw(PyObject* self, const EventRow& row, PyObject* on_event) {
  switch (static_cast<EventKind>(row.words[EventRow::kKind])) {
    case EventKind::kOutcome:
      return settle(row);
    case EventKind::kStreamsOpen:
      return begin_arguments(self, row);
    case EventKind::kStreamRoom:
    case EventKind::kStreamCancel:
      return resume(row.key());
    case EventKind::kStreamItems:
    case EventKind::kStreamEnd:
      return wake_stream(row.key());
    default:
      return succeeded(PyObject_CallOneArg(on_event, to_event(row).ptr()));
  }
}

// False with an exception set.
bool DriverBinding::handle_call(PyObject* self, InboundCall& call) {
  const RequestKey key = call.key;
  try {
    if (call.reference != 0) return handle(*this, self, call, nullptr, {});
    const auto found = servers_.find(call.server);
    if (found == servers_.end()) {
      reply_error(key, Code::kUnavailable, "the service is closing", {});
      return true;
    }
    const Served served = found->second;  // the server may be removed meanwhile
    return handle(*this, self, call, served.handlers.ptr(), {served.context.ptr(), served.before.ptr()});
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return false;
  }
}

py::tuple DriverBinding::to_event(const EventRow& row) const {
  const std::uint32_t owner = row.words[EventRow::kOwner];
  const auto change = [&](const char* kind, std::string_view state) {
    const auto code = static_cast<Code>(row.words[EventRow::kCode]);
    return py::make_tuple(kind, owner, to_str(state), to_str(code_name(code)), to_str(batch_.message(row)));
  };
  const std::uint32_t state = row.words[EventRow::kState];
  switch (static_cast<EventKind>(row.words[EventRow::kKind])) {
    case EventKind::kCancel:
      return py::make_tuple("cancel", owner, py::make_tuple(row.key().connection, row.key().id));
    case EventKind::kClientState:
      return change("client", state_name(static_cast<ClientState>(state)));
    case EventKind::kServerState:
      return change("server", state_name(static_cast<ServerState>(state)));
    case EventKind::kRoom:
      return py::make_tuple("room", owner);
    case EventKind::kReferenceReleased:
      return py::make_tuple("released", row.wide(EventRow::kToken));
    default:
      return py::tuple();
  }
}

// A C function that the loop calls, because Python may run signal handlers before the first line of one of its own:
// what they raise would leave nobody who looks.
void DriverBinding::run_poll(const py::object& poll) {
  is_poll_queued_ = false;
  try {
    poll();
  } catch (py::error_already_set&) {
    if (usable()) poll_soon();
    throw;
  }
}

py::object DriverBinding::poll(std::int64_t most_us) {
  check_process();
  if (driver_ == nullptr) return py::bool_(false);
  if (most_us == 0) return py::bool_(true);
  const TimePoint end = Clock::now() + std::chrono::microseconds(most_us);
  bool over = false;
  PyThreadState* state = PyEval_SaveThread();
  const bool found = reader_.spin(*driver_, [&] {
    over = Clock::now() >= end;
    return over;
  });
  PyEval_RestoreThread(state);
  if (over) return py::none();
  return py::bool_(found);
}

bool DriverBinding::prepare_sleep() {
  check_process();
  take_reading_back();
  return driver_ == nullptr || reader_.prepare_sleep(*driver_);
}

void DriverBinding::add_server(ServerId server, Handlers handlers, py::object context, py::object before,
                               const std::shared_ptr<HandlerPool>& pool, py::object start_thread) {
  check_handlers(handlers);
  take_reading_back();
  std::erase_if(pools_, [](const std::weak_ptr<HandlerPool>& each) { return each.expired(); });
  pools_.push_back(pool);
  reader_.add_pool(server, plain_methods(handlers), pool);
  servers_.insert_or_assign(
      server, Served{std::move(handlers), std::move(context), std::move(before), pool, std::move(start_thread)});
}

void DriverBinding::remove_server(ServerId server) {
  take_reading_back();
  const auto found = servers_.find(server);
  if (found == servers_.end()) return;
  const Served served = std::move(found->second);  // what it refers to may be anything's last reference
  servers_.erase(found);
  reader_.remove_pool(server);
  served.pool->stop();
}

PyObject* DriverBinding::running_loop() const {
  PyObject* own = referent(loop_.ptr());
  if (own == nullptr || runs_here(own)) return own;
  Py_DECREF(own);
  return nullptr;
}

// asyncio's own question takes a system call before Python 3.12, so its loops are asked which thread they run on.
bool DriverBinding::runs_here(PyObject* loop) const {
  if (tells_its_thread_) {
    static PyObject* const kName = PyUnicode_InternFromString("_thread_id");
    PyObject* thread = PyObject_GetAttr(loop, kName);
    if (thread != nullptr) {
      const bool is_this = thread != Py_None && PyLong_AsUnsignedLong(thread) == PyThread_get_thread_ident();
      Py_DECREF(thread);
      return is_this && PyErr_Occurred() == nullptr;
    }
    PyErr_Clear();
    tells_its_thread_ = false;
  }
  PyObject* running = PyObject_CallNoArgs(get_running_loop_.ptr());
  Py_XDECREF(running);
  return running == loop;
}

PyObject* DriverBinding::new_call(PyObject* loop) const {
  static PyObject* const kNames = PyTuple_Pack(1, PyUnicode_InternFromString("loop"));
  return PyObject_Vectorcall(call_type_.ptr(), &loop, 0, kNames);
}

void DriverBinding::abandon(const py::object& call) {
  const ClientId client = pending_.remove(call.ptr());
  drop_sources(PendingCalls::token(call.ptr()));
  if (client != 0 && usable()) waking().cancel(client, PendingCalls::token(call.ptr()));
}

void DriverBinding::reply(const RequestKey& key, const Payload& payload) {
  if (!usable()) return;
  driver_->reply(key, payload);
  streams_.drop_arguments(key);
  poll_soon();
}

void DriverBinding::reply_error(const RequestKey& key, Code code, std::string_view message, ConstBytes details) {
  if (!usable()) return;
  driver_->reply_error(key, code, message, details);
  streams_.drop_arguments(key);
  poll_soon();
}

// Of a call on a thread of a pool. Of others the server's Python object is told, and notes it with the call.
bool DriverBinding::cancelled(const RequestKey& key) {
  return std::any_of(pools_.begin(), pools_.end(), [&](const std::weak_ptr<HandlerPool>& each) {
    const std::shared_ptr<HandlerPool> pool = each.lock();
    return pool != nullptr && pool->is_cancelled(key);
  });
}

}  // namespace ipcbridge::python
