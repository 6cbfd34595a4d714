// Encoder: what is no plain value.
#include <algorithm>
#include <array>

#include "bindings/python/stream_source.hpp"
#include "bindings/python/stream_types.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/encoder.hpp"
#include "bindings/python/values/python_rules.hpp"
#include "bindings/python/values/simplified.hpp"
#include "bindings/python/values/wire_format.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

constexpr const char* kNoStream = "a stream, which only arguments and results can be, or hold: send list(value)";
constexpr const char* kNoAsyncStream =
    "a stream, which only arguments and results can be, or hold: send [item async for item in value]";
constexpr const char* kNoStreamInItem =
    "a stream in an item of another: streams within streams come in a later release";
constexpr const char* kNoReference =
    "a function, or what travels by reference: references travel among arguments and in results, here they come in a "
    "later release";

PyTypeObject* functools_partial() {
  static PyObject* const kType = py::object(py::module_::import("functools").attr("partial")).release().ptr();
  return reinterpret_cast<PyTypeObject*>(kType);
}

}  // namespace

void Encoder::put_simplified(PyObject* original, unsigned depth) {
  if (PyLong_CheckExact(original) && put_unsigned(original)) return;
  if (put_bytes_like(original) || put_ndarray(original) || put_stream(original) || put_by_reference(original)) return;
  auto value = py::reinterpret_borrow<py::object>(original);
  for (unsigned steps = 0; steps < kMaxDepth; ++steps) {
    value = simplified(value.ptr());
    if (py::type::handle_of(value).is(python_rules().extension_type)) {
      weigh(kHeavy - 1);
      PyObject* contents = PyTuple_GET_ITEM(value.ptr(), 1);
      const auto tag = static_cast<Tag>(PyLong_AsLong(PyTuple_GET_ITEM(value.ptr(), 0)));
      return out_.put_extension(tag, PyBytes_AS_STRING(contents), static_cast<std::size_t>(PyBytes_GET_SIZE(contents)));
    }
    if (py::type::handle_of(value).is(python_rules().array_type)) return put_array(value.ptr());
    if (py::type::handle_of(value).is(python_rules().table_type)) return put_table(value.ptr());
    if (put_plain(value.ptr(), original, depth)) return;
    if (PyLong_CheckExact(value.ptr()) && put_unsigned(value.ptr())) return;
  }
  throw Refused{"it stands for one value after another without an end", false, {}, {}};
}

// False when it is none.
bool Encoder::put_stream(PyObject* value) {
  const bool is_stream = PyGen_CheckExact(value) != 0 || PyAsyncGen_CheckExact(value) != 0 ||
                         is_received_stream(value) || py::type::handle_of(value).is(python_rules().stream_source);
  if (!is_stream) return false;
  if (!accepts_streams_) {
    if (is_item_) throw Refused{kNoStreamInItem, false, {}, {}, Code::kUnimplemented};
    throw Refused{PyAsyncGen_CheckExact(value) != 0 ? kNoAsyncStream : kNoStream, false, {}, {}};
  }
  if (is_used_up(value)) {
    throw Refused{"a stream that has been read, or sent, already: its items can be sent once", false, {}, {}};
  }
  if (std::find(streams_.begin(), streams_.end(), value) != streams_.end()) {
    throw Refused{"the same stream twice: what one reader takes the other does not get", false, {}, {}};
  }
  std::array<std::uint8_t, 4> place{};
  for (std::size_t i = 0; i < place.size(); ++i)
    place.at(3 - i) = static_cast<std::uint8_t>(streams_.size() >> (8 * i));
  weigh(kHeavy - 1);
  streams_.push_back(value);
  Py_INCREF(value);
  out_.put_extension(Tag::kStream, place.data(), place.size());
  return true;
}

// False when it is none.
bool Encoder::put_by_reference(PyObject* value) {
  const bool is_function = PyFunction_Check(value) || PyMethod_Check(value) || PyCFunction_Check(value) != 0 ||
                           is_remote_method(value) || PyObject_TypeCheck(value, functools_partial()) != 0;
  if (!is_function && !py::isinstance(value, python_rules().by_reference)) return false;
  if (sharer_ == nullptr) throw Refused{kNoReference, false, {}, {}, Code::kUnimplemented};
  PyObject* made = sharer_->share(value);
  if (made == nullptr) throw_raised();
  const auto shared = py::reinterpret_steal<py::object>(made);
  PyObject* contents = PyTuple_GET_ITEM(made, 2);
  sharer_->add(PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(made, 0)));
  weigh(kHeavy - 1);
  out_.put_extension(static_cast<Tag>(PyLong_AsLong(PyTuple_GET_ITEM(made, 1))), PyBytes_AS_STRING(contents),
                     static_cast<std::size_t>(PyBytes_GET_SIZE(contents)));
  return true;
}

// The integers from 2^63 to 2^64 - 1.
bool Encoder::put_unsigned(PyObject* value) {
  const std::uint64_t number = PyLong_AsUnsignedLongLong(value);
  if (number == static_cast<std::uint64_t>(-1) && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    return false;
  }
  out_.put(0xcf, number);
  return true;
}

}  // namespace ipcbridge::python
