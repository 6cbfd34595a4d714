// Decoder: arrays.
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "bindings/python/values/array_dtypes.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/key_cache.hpp"
#include "bindings/python/values/made.hpp"
#include "bindings/python/values/memory_object.hpp"
#include "bindings/python/values/python_rules.hpp"
#include "bindings/python/values/wire_format.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// A two's complement number, or -1 when it is below zero; also of a u64 that is too large for any dimension.
template <typename Number>
std::int64_t unless_negative(Number number) {
  return number >> (8 * sizeof(Number) - 1) == 0 ? static_cast<std::int64_t>(number) : -1;
}

// Null while NumPy cannot be imported. Never freed; guarded by the GIL.
PyObject* ndarray_class() {
  static PyObject* known = nullptr;
  if (known == nullptr) {
    py::object found = steal(PyObject_CallNoArgs(python_rules().find_ndarray.ptr()));
    // The import may have let another thread in here.
    if (known == nullptr && !found.is_none()) known = found.release().ptr();
  }
  return known;
}

py::object make_dtype(const py::object& description) {
  return steal(PyObject_CallOneArg(python_rules().make_dtype.ptr(), description.ptr()));
}

py::object numpy_dtype(const FixedDtype* fixed, const py::object& description) {
  if (fixed == nullptr) return make_dtype(description);
  static std::array<PyObject*, kFixedDtypes.size()> known{};  // guarded by the GIL; never freed
  PyObject*& dtype = known.at(static_cast<std::size_t>(fixed - kFixedDtypes.data()));
  if (dtype == nullptr) {
    py::object made = make_dtype(description);
    if (dtype == nullptr) dtype = made.release().ptr();
  }
  return py::reinterpret_borrow<py::object>(dtype);
}

PyObject* make_array(PyObject* ndarray, const py::object& shape, const py::object& dtype, const py::object& data) {
  PyObject* given[] = {shape.ptr(), dtype.ptr(), data.ptr()};
  PyObject* array = PyObject_Vectorcall(ndarray, given, 3, nullptr);
  if (array != nullptr) return array;
  py::error_already_set error;
  if (!error.matches(PyExc_ValueError)) throw std::move(error);
  throw CodecError{Code::kOutOfRange,
                   "an array that this NumPy cannot hold: " + py::str(error.value()).cast<std::string>()};
}

}  // namespace

PyObject* Decoder::read_array(std::size_t size, Place place) {
  const std::uint8_t* contents = take(size);
  const std::uint8_t* outer = end_;
  end_ = at_;
  at_ = contents;
  weigh(1);
  if (size == 0 || !is_list(*at_) || read_list_head("parts of an array") != 3) {
    malformed("an array that is no list of its dtype, its shape and its data");
  }
  if (place == Place::kKey) {
    throw CodecError{Code::kInvalidArgument, "an array as a set's element or a dict's key has no form in Python"};
  }
  const Dtype dtype = read_dtype(0);
  std::uint64_t elements = 0;
  const py::object shape = read_shape(dtype.size, elements);
  const py::object data = read_data(elements * dtype.size);
  expect_end();
  end_ = outer;
  PyObject* ndarray = ndarray_class();
  if (ndarray != nullptr) return make_array(ndarray, shape, numpy_dtype(dtype.fixed, dtype.description), data);
  PyObject* given[] = {dtype.description.ptr(), shape.ptr(), data.ptr()};
  return check(PyObject_Vectorcall(python_rules().without_numpy.ptr(), given, 3, nullptr));
}

Decoder::Dtype Decoder::read_dtype(unsigned depth) {
  const std::uint8_t head = left() == 0 ? 0 : *at_;
  if (is_list(head)) return read_fields(depth);
  const std::string_view name = read_name();
  Dtype dtype;
  dtype.fixed = fixed_dtype(name);
  dtype.size = element_size(name);
  if (dtype.size == 0) malformed("an array of a dtype that is not known");
  dtype.description = steal(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
  return dtype;
}

Decoder::Dtype Decoder::read_fields(unsigned depth) {
  if (depth == kMaxFieldDepth) malformed("fields nested more than 128 levels deep");
  const std::size_t count = read_list_head("fields");
  if (count == 0) malformed("a structure without fields");
  Dtype dtype;
  py::list fields;
  const py::object names = steal(PySet_New(nullptr));
  for (std::size_t i = 0; i < count; ++i) {
    if (left() == 0 || !is_list(*at_)) malformed("a field that is not a list");
    const std::size_t parts = read_list_head("parts of a field");
    if (parts != 2 && parts != 3) malformed("a field that is not its name, its dtype and its shape");
    const std::string_view text = read_name();
    const auto* begin = reinterpret_cast<const std::uint8_t*>(text.data());
    const py::object name = steal(expect_text(make_text(begin, text.size())));
    const int known = PySet_Contains(names.ptr(), name.ptr());
    if (known < 0 || PySet_Add(names.ptr(), name.ptr()) != 0) throw py::error_already_set();
    if (text.empty() || known != 0) malformed("a field without a name of its own");
    const Dtype field = read_dtype(depth + 1);
    std::uint64_t elements = 1;
    const py::object shape = parts == 3 ? read_shape(field.size, elements) : steal(PyTuple_New(0));
    if (elements == 0 || elements > (kMaxElementSize - dtype.size) / field.size) {
      malformed("an array of elements without any bytes, or of too many");
    }
    dtype.size += static_cast<std::size_t>(elements) * field.size;
    fields.append(steal(PyTuple_Pack(3, name.ptr(), field.description.ptr(), shape.ptr())));
  }
  dtype.description = steal(PyList_AsTuple(fields.ptr()));
  return dtype;
}

// The text that comes next, as it stands in the bytes.
std::string_view Decoder::read_name() {
  const std::uint8_t head = left() == 0 ? 0xc1 : read_byte();
  std::size_t size = 0;
  if (head >= 0xa0 && head < 0xc0) {
    size = head & 0x1fU;
  } else if (head >= 0xd9 && head <= 0xdb) {
    size = read_size(head, 0xd9);
  } else {
    malformed("a name that is not a string");
  }
  return {reinterpret_cast<const char*>(take(size)), size};
}

// A tuple, and how many elements of `item_size` it is the shape of.
py::object Decoder::read_shape(std::size_t item_size, std::uint64_t& elements) {
  if (left() == 0 || !is_list(*at_)) malformed("a shape that is not a list");
  const std::size_t count = read_list_head("dimensions");
  if (count > kMaxDimensions) malformed("more than 64 dimensions");
  const py::object shape = steal(PyTuple_New(static_cast<Py_ssize_t>(count)));
  const std::uint64_t most = kMaxArrayBytes / item_size;
  std::uint64_t product = 1;  // of those that are not 0, which NumPy multiplies as well
  bool is_empty = false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t dimension = read_dimension();
    is_empty = is_empty || dimension == 0;
    if (dimension > most / product) malformed("a shape of more elements than there can be");
    if (dimension != 0) product *= dimension;
    PyTuple_SET_ITEM(shape.ptr(), static_cast<Py_ssize_t>(i), check(PyLong_FromUnsignedLongLong(dimension)));
  }
  elements = is_empty ? 0 : product;
  return shape;
}

std::uint64_t Decoder::read_dimension() {
  const std::uint8_t head = read_byte();
  if (head < 0x80) return head;
  std::int64_t number = -1;
  switch (head) {
    case 0xcc:
      number = read_number<std::uint8_t>();
      break;
    case 0xcd:
      number = read_number<std::uint16_t>();
      break;
    case 0xce:
      number = read_number<std::uint32_t>();
      break;
    case 0xd0:
      number = unless_negative(read_number<std::uint8_t>());
      break;
    case 0xd1:
      number = unless_negative(read_number<std::uint16_t>());
      break;
    case 0xd2:
      number = unless_negative(read_number<std::uint32_t>());
      break;
    case 0xcf:
    case 0xd3:
      number = unless_negative(read_number<std::uint64_t>());
      break;
    default:
      break;
  }
  if (number < 0) malformed("a dimension that is no integer from 0 on");
  return static_cast<std::uint64_t>(number);
}

// The elements of an array, `size` bytes: an object with the buffer protocol, read-only.
py::object Decoder::read_data(std::uint64_t size) {
  if (attachment_follows()) {
    const Attachment& attachment = take_attachment(sizeof(std::uint32_t));
    if (attachment.bytes.size() != size) malformed("an array whose data are not of its shape");
    return steal(new_memory(attachment));
  }
  const std::uint8_t head = left() == 0 ? 0 : read_byte();
  if (head < 0xc4 || head > 0xc6) malformed("an array whose data are not bytes");
  const std::size_t length = read_size(head, 0xc4);
  if (length != size) malformed("an array whose data are not of its shape");
  return steal(read_bytes(length));
}

}  // namespace ipcbridge::python
