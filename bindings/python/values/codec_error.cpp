#include "bindings/python/values/codec_error.hpp"

#include <exception>
#include <new>

#include "bindings/python/errors.hpp"
#include "bindings/python/values/python_rules.hpp"
#include "bindings/python/values/wire_format.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

thread_local volatile bool storage_is_there = false;

constexpr const char* kNoMemory = "there is not enough memory to encode or decode this value";
constexpr const char* kNoStack = "a value is nested deeper than is left of the thread's recursion limit";

void set_refusal(const Refused& refused, const char* root) {
  py::list steps;
  for (auto step = refused.steps.rbegin(); step != refused.steps.rend(); ++step) {
    const py::object key = step->kind == Step::kMember ? step->key : py::int_(step->index);
    steps.append(py::make_tuple(static_cast<int>(step->kind), key, step->holder ? step->holder : py::none()));
  }
  const py::object reason = refused.error ? refused.error : py::str(refused.reason);
  const py::str code{std::string(code_name(refused.code))};
  const py::object error = python_rules().explain(root, reason, refused.too_deep, steps, code);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
}

// raise() throws what it raises.
void set_error(Code code, std::string_view message) {
  try {
    raise(code, message);
  } catch (py::error_already_set& error) {
    error.restore();
  }
}

// Want of memory or of stack ends the call that wanted it, and is told as any other failure of a call.
void set_python_error(py::error_already_set& error) {
  const bool no_memory = error.matches(PyExc_MemoryError);
  const bool no_stack = error.matches(PyExc_RecursionError);
  if (no_memory || no_stack) return set_error(Code::kResourceExhausted, no_memory ? kNoMemory : kNoStack);
  error.restore();
}

void set_thrown(const char* root) {
  try {
    throw;
  } catch (const Refused& refused) {
    set_refusal(refused, root);
  } catch (const CodecError& error) {
    set_error(error.code, error.message);
  } catch (py::error_already_set& error) {
    set_python_error(error);
  } catch (const std::bad_alloc&) {
    set_error(Code::kResourceExhausted, kNoMemory);
  }
}

}  // namespace

void allocate_thread_storage() noexcept {
  storage_is_there = std::uncaught_exceptions() >= 0;  // the answer is used, or GCC would leave out the call
}

void throw_too_large() {
  throw CodecError{Code::kResourceExhausted, "more values than one message may hold: their weight is over 8,388,608"};
}

void set_python_exception(const char* root) noexcept {
  try {
    set_thrown(root);
  } catch (py::error_already_set& error) {  // also what making the IpcError has raised
    error.restore();
  } catch (...) {
    PyErr_NoMemory();
  }
}

}  // namespace ipcbridge::python
