#include "bindings/python/values/simplified.hpp"

#include <utility>

#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/python_rules.hpp"
#include "bindings/python/values/wire_format.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// What stands for an extension, and is itself a tuple.
bool is_encoded_otherwise(const py::object& simple) {
  const py::handle type = py::type::handle_of(simple);
  const PythonRules& rules = python_rules();
  return type.is(rules.extension_type) || type.is(rules.array_type) || type.is(rules.table_type);
}

}  // namespace

void throw_raised() {
  if (PyErr_ExceptionMatches(python_rules().refused_type.ptr()) == 0) throw py::error_already_set();
  py::error_already_set error;
  throw Refused{nullptr, false, error.value(), {}};
}

py::object simplified(PyObject* value) {
  PyObject* simple = PyObject_CallOneArg(python_rules().simplify.ptr(), value);
  if (simple == nullptr) throw_raised();
  return py::reinterpret_steal<py::object>(simple);
}

py::object simple_key(PyObject* key) {
  auto simple = py::reinterpret_borrow<py::object>(key);
  for (unsigned steps = 0; steps < kMaxDepth; ++steps) {
    PyTypeObject* type = Py_TYPE(simple.ptr());
    const bool plain = type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type ||
                       type == &PyBytes_Type || type == &PyTuple_Type || type == &PyFrozenSet_Type ||
                       type == &PyBool_Type || simple.is_none();
    if (plain) break;
    try {
      py::object next = simplified(simple.ptr());
      if (is_encoded_otherwise(next)) break;
      simple = std::move(next);
    } catch (const Refused&) {
      break;
    }
  }
  return simple;
}

py::object with_text_keys(PyObject* keywords) {
  auto given = py::reinterpret_borrow<py::object>(keywords);
  PyObject* key = nullptr;
  Py_ssize_t position = 0;
  bool plain = true;
  while (plain && PyDict_Next(keywords, &position, &key, nullptr) != 0) plain = PyUnicode_CheckExact(key);
  if (plain) return given;
  py::dict renamed;
  Py_ssize_t index = 0;
  for (const auto& [name, value] : py::reinterpret_steal<py::dict>(PyDict_Copy(keywords))) {
    const py::object text = simple_key(name.ptr());
    if (!PyUnicode_CheckExact(text.ptr())) {
      Refused refused{"the name of a keyword argument is a string", false, {}, {}};
      refused.add(Step::kKey, index, nullptr, nullptr);
      throw std::move(refused);
    }
    renamed[text] = value;
    ++index;
  }
  return renamed;
}

}  // namespace ipcbridge::python
