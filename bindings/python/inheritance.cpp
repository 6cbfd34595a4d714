#define PY_SSIZE_T_CLEAN
#include "bindings/python/inheritance.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "bindings/python/errors.hpp"
#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/objects.hpp"
#include "core/endpoint/nested_calls.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyObject* merge = nullptr;  // ipcbridge._metadata._merged()

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

// Metadata of nothing but how many calls wait for the call: most calls of handlers have no others. The last byte is the
// number, of one byte as long as it is below 128.
constexpr std::array<unsigned char, 9> kDepthAlone = {0x81, 0xa6, ':', 'd', 'e', 'p', 't', 'h', 0};
static_assert(kMaxNestedCalls <= 128);

// How many calls wait for a call, if its metadata tell of nothing else.
std::optional<unsigned> depth_alone(ConstBytes metadata) {
  if (metadata.empty()) return 0;
  if (metadata.size() != kDepthAlone.size()) return std::nullopt;
  const auto same = [](std::byte given, unsigned char wanted) {
    return std::to_integer<unsigned char>(given) == wanted;
  };
  if (!std::equal(metadata.begin(), metadata.end() - 1, kDepthAlone.begin(), same)) return std::nullopt;
  const auto depth = std::to_integer<unsigned>(metadata.back());
  return depth < kMaxNestedCalls ? std::optional(depth) : std::nullopt;
}

PyObject* metadata_of_depth(unsigned depth) {
  std::array<unsigned char, kDepthAlone.size()> bytes = kDepthAlone;
  bytes.back() = static_cast<unsigned char>(depth);
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

bool inherit_metadata(PyObject* served, const Caller* caller, PyObject*& metadata) {
  // What nobody waits for, a notification or what a handler has left behind, begins to count anew.
  const bool is_counted = (caller->flags & call_flag::kNotify) == 0 && !is_answered(served);
  if (const std::optional<unsigned> depth = depth_alone(inbound_call_of(served).metadata)) {
    if (!is_counted) return true;
    if (PyBytes_GET_SIZE(caller->metadata) == 0 && *depth + 1 < kMaxNestedCalls) {
      metadata = metadata_of_depth(*depth + 1);
      return metadata != nullptr;
    }
  }
  if (merge == nullptr) return true;  // nothing is served by Python code
  PyObject* given[] = {served, caller->metadata, is_counted ? Py_True : Py_False};
  PyObject* merged = PyObject_Vectorcall(merge, given, 3, nullptr);
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
     "merge(call, own, is_counted): the metadata, in bytes, of a call that has such ones of its own and is made by the "
     "handler of that call, which waits for it if it is counted. Raises IpcError where too many calls wait already."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool inherit(const Caller* caller, CallOptions& options, PyObject*& metadata) {
  if (!any_call_was_served()) return true;
  PyObject* served = current_call();
  if (served == nullptr) return PyErr_Occurred() == nullptr;
  const InboundCall& inbound = inbound_call_of(served);
  bool goes_on = inherit_deadline(inbound, options);
  if (goes_on && (caller->flags & kWholeMetadataFlag) == 0) {
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
