// Encoder: arrays and tables. What is neither NumPy's own class nor simple comes here from ipcbridge._values._arrays.
#include <cstring>
#include <limits>
#include <string_view>

#include "bindings/python/values/array_dtypes.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/encoder.hpp"
#include "bindings/python/values/made.hpp"
#include "bindings/python/values/memory_object.hpp"
#include "bindings/python/values/simplified.hpp"
#include "bindings/python/values/wire_format.hpp"
#include "core/endpoint/place_bytes.hpp"

namespace py = pybind11;

namespace ipcbridge::python {

// The memory of an object, which keeps it where it is as long as this lives.
class Encoder::HeldBuffer {
 public:
  HeldBuffer() = default;
  ~HeldBuffer() {
    if (held_) PyBuffer_Release(&view_);
  }
  HeldBuffer(const HeldBuffer&) = delete;
  HeldBuffer& operator=(const HeldBuffer&) = delete;

  // False, with an exception set, when the object has no memory of such a form.
  bool hold(PyObject* object, int form) { return held_ = PyObject_GetBuffer(object, &view_, form) == 0; }
  const Py_buffer* operator->() const { return &view_; }
  // Somebody else releases it.
  void let_go() { held_ = false; }

 private:
  Py_buffer view_{};
  bool held_ = false;
};

namespace {

// Whether it is numpy.ndarray itself, which is known by its name once the program has imported it.
bool is_ndarray(PyTypeObject* type) {
  static PyTypeObject* known = nullptr;  // guarded by the GIL; never freed
  if (type == known) return true;
  if (known != nullptr || std::strcmp(type->tp_name, "numpy.ndarray") != 0) return false;
  PyObject* modules = PyImport_GetModuleDict();
  PyObject* numpy = PyDict_GetItemString(modules, "numpy");
  if (numpy == nullptr || !PyModule_Check(numpy)) return false;
  if (PyDict_GetItemString(PyModule_GetDict(numpy), "ndarray") != reinterpret_cast<PyObject*>(type)) return false;
  Py_INCREF(type);
  known = type;
  return true;
}

}  // namespace

// A large bytearray or memoryview, which is not copied to be put. False when it is none.
bool Encoder::put_bytes_like(PyObject* value) {
  const bool is_bytearray = PyByteArray_CheckExact(value) != 0;
  if (!is_bytearray && !PyMemoryView_Check(value)) return false;
  const Py_ssize_t size = is_bytearray ? PyByteArray_GET_SIZE(value) : PyMemoryView_GET_BUFFER(value)->len;
  if (!may_attach(static_cast<std::size_t>(size))) return false;
  HeldBuffer held;
  if (!held.hold(value, PyBUF_SIMPLE)) {  // not contiguous, or released
    PyErr_Clear();
    return false;
  }
  weigh(kHeavy - 1);
  attached_.add(*held.operator->());
  held.let_go();
  put_attached();
  return true;
}

// False when it is none that can be read as it is.
bool Encoder::put_ndarray(PyObject* value) {
  if (!is_ndarray(Py_TYPE(value))) return false;
  HeldBuffer held;
  if (!held.hold(value, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)) {
    PyErr_Clear();
    return false;
  }
  const FixedDtype* dtype = fixed_dtype_of_buffer(held->format, static_cast<std::size_t>(held->itemsize));
  if (dtype == nullptr) return false;
  const std::size_t begun = begin_parts(3);
  out_.put_text_head(dtype->name.size());
  out_.put(dtype->name.data(), dtype->name.size());
  const auto dimensions = static_cast<std::size_t>(held->ndim);
  weigh(dimensions + kHeavy - 1);
  out_.put_list_head(dimensions);
  for (int i = 0; i < held->ndim; ++i) out_.put_int(held->shape[i]);
  end_parts(Tag::kArray, begun, held);
  return true;
}

// An _arrays.Array, whose parts are as this writes them.
void Encoder::put_array(PyObject* array) {
  HeldBuffer held;
  if (!held.hold(PyTuple_GET_ITEM(array, 2), PyBUF_SIMPLE)) throw py::error_already_set();
  const std::size_t begun = begin_parts(3);
  put_dtype(PyTuple_GET_ITEM(array, 0));
  put_shape(PyTuple_GET_ITEM(array, 1));
  end_parts(Tag::kArray, begun, held);
}

// A _tables.Table, which writes its stream to where that travels from.
void Encoder::put_table(PyObject* table) {
  const Py_ssize_t length = PyLong_AsSsize_t(PyTuple_GET_ITEM(table, 1));
  if (length == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  const auto size = static_cast<std::size_t>(length);
  const bool is_sealed = size >= kWorthSealing && may_attach(size);
  const py::object memory = steal(is_sealed          ? allocate_sealable_memory(size)
                                  : may_attach(size) ? allocate_memory(size)
                                                     : PyByteArray_FromStringAndSize(nullptr, length));
  PyObject* written = PyObject_CallOneArg(PyTuple_GET_ITEM(table, 2), memory.ptr());
  if (written == nullptr) throw_raised();
  Py_DECREF(written);
  if (is_sealed) seal_memory(memory.ptr());
  HeldBuffer held;
  if (!held.hold(memory.ptr(), PyBUF_SIMPLE)) throw py::error_already_set();
  const std::size_t begun = begin_parts(2);
  put_text(out_, PyTuple_GET_ITEM(table, 0));
  end_parts(Tag::kTable, begun, held);
}

// A name, or the tuple of a structure's fields.
void Encoder::put_dtype(PyObject* dtype) {
  if (PyUnicode_CheckExact(dtype)) {
    if (!put_text(out_, dtype)) throw Refused{"a field whose name has a lone surrogate", false, {}, {}};
    return;
  }
  const Py_ssize_t count = PyTuple_GET_SIZE(dtype);
  weigh(static_cast<std::size_t>(count) + kHeavy - 1);
  out_.put_list_head(static_cast<std::size_t>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* field = PyTuple_GET_ITEM(dtype, i);
    const Py_ssize_t parts = PyTuple_GET_SIZE(field);
    weigh(static_cast<std::size_t>(parts) + kHeavy - 1);
    out_.put_list_head(static_cast<std::size_t>(parts));
    put_dtype(PyTuple_GET_ITEM(field, 0));
    put_dtype(PyTuple_GET_ITEM(field, 1));
    if (parts == 3) put_shape(PyTuple_GET_ITEM(field, 2));
  }
}

void Encoder::put_shape(PyObject* shape) {
  const Py_ssize_t count = PyTuple_GET_SIZE(shape);
  weigh(static_cast<std::size_t>(count) + kHeavy - 1);
  out_.put_list_head(static_cast<std::size_t>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    const Py_ssize_t dimension = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i));
    if (dimension == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
    out_.put_int(dimension);
  }
}

// Its extension weighs what the list of the parts in it does, and what these weigh.
std::size_t Encoder::begin_parts(std::size_t count) {
  weigh(2 * kHeavy - 1 + count);
  const std::size_t begun = out_.begin_extension();
  out_.put_list_head(count);
  return begun;
}

// The bytes come last, so that the size of the extension is known before.
void Encoder::end_parts(Tag tag, std::size_t begun, HeldBuffer& held) {
  const auto size = static_cast<std::size_t>(held->len);
  weigh(kHeavy - 1);
  if (may_attach(size)) {
    out_.end_extension(tag, begun, MessageBuffer::kAttachedBytes);
    attached_.add(*held.operator->());
    held.let_go();
    put_attached();
    return;
  }
  if (size > std::numeric_limits<std::uint32_t>::max()) {
    throw CodecError{Code::kResourceExhausted, "an array or a table of more than 4 GiB"};
  }
  out_.end_extension(tag, begun, MessageBuffer::bytes_head_size(size) + size);
  out_.put_bytes_head(size);
  out_.put(held->buf, size);
}

}  // namespace ipcbridge::python
