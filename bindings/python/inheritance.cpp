#define PY_SSIZE_T_CLEAN
#include "bindings/python/inheritance.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "bindings/python/errors.hpp"
#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/objects.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyObject* merge = nullptr;  // ipcbridge._serve.inheritance.merged()

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

bool inherit_metadata(PyObject* served, const Caller* caller, PyObject*& metadata) {
  if (merge == nullptr) return true;  // nothing is served by Python code
  PyObject* given[] = {served, caller->metadata};
  PyObject* merged = PyObject_Vectorcall(merge, given, 2, nullptr);
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
     "merge(call, own): the metadata, in bytes, of a call that has such ones of its own and is made by the handler of "
     "that call."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool inherit(const Caller* caller, CallOptions& options, PyObject*& metadata) {
  if (!any_call_was_served()) return true;
  PyObject* served = current_call();
  if (served == nullptr) return PyErr_Occurred() == nullptr;
  const InboundCall& inbound = inbound_call_of(served);
  bool goes_on = inherit_deadline(inbound, options);
  if (goes_on && !inbound.metadata.empty() && (caller->flags & kWholeMetadataFlag) == 0) {
    goes_on = inherit_metadata(served, caller, metadata);
  }
  Py_DECREF(served);
  return goes_on;
}

void add_inheritance(py::module_& module) {
  module.attr("WHOLE_METADATA") = kWholeMetadataFlag;
  if (PyModule_AddFunctions(module.ptr(), functions) != 0) throw py::error_already_set();
}

}  // namespace ipcbridge::python
