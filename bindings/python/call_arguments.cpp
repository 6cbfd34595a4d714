#include "bindings/python/call_arguments.hpp"

#include <algorithm>
#include <utility>

#include "bindings/python/errors.hpp"
#include "bindings/python/handlers.hpp"
#include "bindings/python/stream_errors.hpp"
#include "bindings/python/stream_producer.hpp"
#include "bindings/python/stream_source.hpp"

namespace ipcbridge::python {
namespace {

thread_local PyThreadState* waiting_state = nullptr;

}  // namespace

void CallArguments::waits_with(PyThreadState* state) { waiting_state = state; }

PyThreadState* CallArguments::state() { return waiting_state; }

std::shared_ptr<CallArguments> CallArguments::create(BlockingDriverBinding& binding, PyObject* driver,
                                                     std::vector<PyObject*> sources,
                                                     std::vector<std::uint64_t> references) {
  std::shared_ptr<CallArguments> made(new CallArguments(binding, driver, std::move(sources), std::move(references)));
  for (PyObject* source : made->sources()) {
    const int is_async = is_async_source(source);
    if (is_async == 0) continue;
    if (is_async > 0) {
      set_python_error({Code::kInvalidArgument,
                        "an asynchronous generator, for which a blocking call has no event loop: use ipcbridge.aio, or "
                        "send a generator"});
    }
    made->end();
    return nullptr;
  }
  return made;
}

bool CallArguments::go_on(Due due) {
  PyEval_RestoreThread(waiting_state);
  bool goes_on = std::all_of(due.streams.begin(), due.streams.end(),
                             [this](const StreamKey& stream) { return begin_or_resume(stream); });
  for (InboundCall& call : due.calls) {
    if (goes_on) {
      goes_on = run(call);
    } else {
      add_call(std::move(call));  // end() answers it
    }
  }
  waiting_state = PyEval_SaveThread();
  return goes_on;
}

// In the context of the thread that waits. Other calls of this thread's may wait in what it calls.
bool CallArguments::run(InboundCall& call) {
  PyThreadState* state = waiting_state;
  const bool goes_on = handle(binding(), driver(), call, nullptr, {});
  waiting_state = state;
  return goes_on;
}

bool CallArguments::begin_or_resume(const StreamKey& stream) {
  PyObject* source = take_source(stream);
  if (source == nullptr) return resume_stream(binding(), stream);
  return begin_streams(binding(), driver(), Py_None, stream_failed(), {stream, {}}, {source});
}

}  // namespace ipcbridge::python
