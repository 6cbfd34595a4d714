#include "bindings/python/inheritance.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "bindings/python/bytes.hpp"
#include "bindings/python/current_call.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/objects.hpp"
#include "core/endpoint/nested_calls.hpp"
#include "core/workers/local_work.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyObject* merge = nullptr;  // ipcbridge._metadata._merged()
thread_local ThreadPoolId pool_of_thread = 0;

bool inherit_deadline(const InboundCall& served, CallOptions& options) {
  if (served.timeout_us == 0) return true;
  const auto left = served.received + std::chrono::microseconds(served.timeout_us) - Clock::now();
  if (left <= Duration::zero()) {
    set_python_error({Code::kDeadlineExceeded, "the deadline of the call that the handler serves has passed"});
    return false;
  }
  options.timeout = options.timeout ? std::min(*options.timeout, Duration(left)) : Duration(left);
  return true;
}

// Not what runs on a thread that waits already, such as the functions among the arguments of its call: it is held once.
HeldThreads held_for(PyObject* served, bool blocks) {
  HeldThreads held(inbound_call_of(served).metadata);
  if (blocks && pool_of_thread != 0 && LocalWork::Waiting::innermost() == nullptr) {
    held.hold(pool_of_thread, !has_open_streams(served));
  }
  return held;
}

bool inherit_metadata(PyObject* served, const Caller* caller, bool blocks, PyObject*& metadata) {
  // What nobody waits for, a notification or what a handler has left behind, begins to count anew.
  const bool is_counted = (caller->flags & call_flag::kNotify) == 0 && !is_answered(served);
  const HeldThreads held = is_counted ? held_for(served, blocks) : HeldThreads();
  if (const std::optional<unsigned> depth = depth_alone(inbound_call_of(served).metadata)) {
    if (!is_counted) return true;
    if (PyBytes_GET_SIZE(caller->metadata) == 0 && *depth + 1 < kMaxNestedCalls) {
      metadata = new_bytes(NestedMetadata(*depth + 1, held).bytes());
      return metadata != nullptr;
    }
  }
  if (merge == nullptr) return true;  // nothing is served by Python code
  PyObject* threads = new_bytes(held.bytes());
  if (threads == nullptr) return false;
  PyObject* given[] = {served, caller->metadata, is_counted ? Py_True : Py_False, threads};
  PyObject* merged = PyObject_Vectorcall(merge, given, 4, nullptr);
  Py_DECREF(threads);
  if (merged == nullptr) return false;
  if (PyBytes_Check(merged) == 0 || merged == caller->metadata) {
    Py_DECREF(merged);
    return true;
  }
  metadata = merged;
  return true;
}

PyObject* use_merge(PyObject* /*module*/, PyObject* function) {
  Py_XDECREF(std::exchange(merge, new_reference(function)));
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"use_merge", &use_merge, METH_O,
     "merge(call, own, is_counted, held): the metadata, in bytes, of a call that has such ones of its own and is made "
     "by the handler of that call, which waits for it if it is counted; `held`: the threads that do. Raises IpcError "
     "where too many calls wait already."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PoolThread::PoolThread(ThreadPoolId pool) : before_(std::exchange(pool_of_thread, pool)) {}

PoolThread::~PoolThread() { pool_of_thread = before_; }

bool inherit(const Caller* caller, bool blocks, CallOptions& options, PyObject*& metadata) {
  if (!any_call_was_served()) return true;
  PyObject* served = current_call();
  if (served == nullptr) return PyErr_Occurred() == nullptr;
  const InboundCall& inbound = inbound_call_of(served);
  bool goes_on = inherit_deadline(inbound, options);
  if (goes_on && (caller->flags & kWholeMetadataFlag) == 0) {
    goes_on = inherit_metadata(served, caller, blocks, metadata);
  }
  Py_DECREF(served);
  return goes_on;
}

void add_inheritance(py::module_& module) {
  module.attr("WHOLE_METADATA") = kWholeMetadataFlag;
  if (PyModule_AddFunctions(module.ptr(), functions) != 0) throw py::error_already_set();
}

}  // namespace ipcbridge::python
