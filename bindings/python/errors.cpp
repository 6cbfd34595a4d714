#include "bindings/python/errors.hpp"

#include "core/base/fork.hpp"

namespace py = pybind11;

namespace ipcbridge::python {

void raise(Code code, std::string_view message, const char* sent) {
  const py::object factory = py::module_::import("ipcbridge._errors").attr("error_from_code");
  py::dict keywords;
  if (code == Code::kUnavailable || code == Code::kDeadlineExceeded) keywords["sent"] = sent;
  const py::object error = factory(to_str(code_name(code)), to_str(message), **keywords);
  PyErr_SetObject(py::type::handle_of(error).ptr(), error.ptr());
  throw py::error_already_set();
}

void set_python_error(const Error& error) {
  try {
    raise(error.code, error.message);
  } catch (py::error_already_set& raised) {
    raised.restore();
  }
}

py::object take_exception() {
  PyObject* type = nullptr;
  PyObject* error = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &error, &traceback);
  PyErr_NormalizeException(&type, &error, &traceback);
  if (traceback != nullptr) PyException_SetTraceback(error, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return py::reinterpret_steal<py::object>(error);
}

void check_process(std::uint32_t generation) {
  if (generation == fork_guard::generation()) return;
  raise(Code::kFailedPrecondition,
        "this handle was made before fork() and belongs to the parent process: connect or serve again");
}

py::str to_str(std::string_view text) {
  PyObject* decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

py::list to_list(const std::vector<std::string>& texts) {
  py::list list;
  for (const std::string& text : texts) list.append(to_str(text));
  return list;
}

}  // namespace ipcbridge::python
