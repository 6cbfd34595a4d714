#include "bindings/python/values/decoder.hpp"

#include <bit>
#include <string>

#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/key_cache.hpp"
#include "bindings/python/values/made.hpp"
#include "bindings/python/values/wire_format.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// A list or tuple whose items are still to come. Garbage collection, and so any code, could find it: it is hidden until
// it is whole.
class Unfinished {
 public:
  explicit Unfinished(PyObject* made) : object_(steal(made)) { PyObject_GC_UnTrack(object_.ptr()); }

  PyObject* get() const { return object_.ptr(); }
  PyObject* finish() {
    PyObject_GC_Track(object_.ptr());
    return object_.release().ptr();
  }

 private:
  py::object object_;
};

}  // namespace

Decoder::Decoder(const Payload& message, StreamMaker* streams, ReferenceReceiver* references)
    : begin_(reinterpret_cast<const std::uint8_t*>(message.bytes.data())),
      at_(begin_),
      end_(begin_ + message.bytes.size()),
      streams_(streams),
      references_(references),
      attachments_(message.attachments) {}

PyObject* Decoder::read_whole_value() {
  py::object value = steal(read(0, Place::kAnywhere));
  expect_end();
  return value.release().ptr();
}

PyObject* Decoder::read_whole_arguments() {
  py::object args;
  py::object keywords;
  read_arguments(args, keywords);
  if (!keywords) keywords = steal(PyDict_New());
  return check(PyTuple_Pack(2, args.ptr(), keywords.ptr()));
}

void Decoder::read_arguments(py::object& args, py::object& keywords) {
  if (left() == 0 || !is_list(*at_)) malformed("arguments that are not a list");
  const std::size_t count = read_list_head("arguments");
  if (count == 0) {
    args = steal(PyTuple_New(0));
  } else {
    Unfinished tuple(PyTuple_New(static_cast<Py_ssize_t>(count)));
    std::size_t index = 0;
    for (; index + 1 < count; ++index) {
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(index), read(0, Place::kAnywhere));
    }
    if (keywords_follow()) {
      keywords = steal(read_keywords());
      args = steal(PyTuple_GetSlice(tuple.get(), 0, static_cast<Py_ssize_t>(index)));
    } else {
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(index), read(0, Place::kAnywhere));
      args = steal(tuple.finish());
    }
  }
  expect_end();
}

// A new reference.
PyObject* Decoder::read(unsigned depth, Place place) {
  const std::uint8_t head = read_byte();
  if (head < 0x80) return check(PyLong_FromLong(head));
  if (head >= 0xe0) return check(PyLong_FromLong(static_cast<std::int8_t>(head)));
  if (head >= 0xa0 && head < 0xc0) return read_text(head & 0x1fU);
  if (head < 0x90) return read_dict(head & 0x0fU, depth, place);
  if (head < 0xa0) return read_list(head & 0x0fU, depth, place);
  return read_typed(head, depth, place);
}

PyObject* Decoder::read_typed(std::uint8_t head, unsigned depth, Place place) {
  switch (head) {
    case 0xc0:
      Py_RETURN_NONE;
    case 0xc2:
      Py_RETURN_FALSE;
    case 0xc3:
      Py_RETURN_TRUE;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return read_bytes(read_size(head, 0xc4));
    case 0xc7:
    case 0xc8:
    case 0xc9:
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return read_extension(read_extension_size(head), depth, place);
    case 0xca:
      return check(PyFloat_FromDouble(static_cast<double>(std::bit_cast<float>(read_number<std::uint32_t>()))));
    case 0xcb:
      return check(PyFloat_FromDouble(std::bit_cast<double>(read_number<std::uint64_t>())));
    case 0xcc:
      return check(PyLong_FromLong(read_number<std::uint8_t>()));
    case 0xcd:
      return check(PyLong_FromLong(read_number<std::uint16_t>()));
    case 0xce:
      return check(PyLong_FromLongLong(read_number<std::uint32_t>()));
    case 0xcf:
      return check(PyLong_FromUnsignedLongLong(read_number<std::uint64_t>()));
    case 0xd0:
      return check(PyLong_FromLong(static_cast<std::int8_t>(read_number<std::uint8_t>())));
    case 0xd1:
      return check(PyLong_FromLong(static_cast<std::int16_t>(read_number<std::uint16_t>())));
    case 0xd2:
      return check(PyLong_FromLong(static_cast<std::int32_t>(read_number<std::uint32_t>())));
    case 0xd3:
      return check(PyLong_FromLongLong(static_cast<std::int64_t>(read_number<std::uint64_t>())));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return read_text(read_size(head, 0xd9));
    case 0xdc:
    case 0xdd:
      return read_list(read_size(head, 0xdb), depth, place);
    case 0xde:
    case 0xdf:
      return read_dict(read_size(head, 0xdd), depth, place);
    default:
      malformed("a byte that MessagePack never uses");
  }
}

PyObject* Decoder::read_text(std::size_t size) { return expect_text(make_text(take(size), size)); }

PyObject* Decoder::expect_text(PyObject* text) const {
  if (text != nullptr) return text;
  if (PyErr_ExceptionMatches(PyExc_UnicodeDecodeError) == 0) throw py::error_already_set();
  PyErr_Clear();
  malformed("a string that is not UTF-8");
}

PyObject* Decoder::read_key(unsigned depth) {
  const std::uint8_t head = left() > 0 ? *at_ : 0xc1;
  std::size_t size = 0;
  if (head >= 0xa0 && head < 0xc0) {
    ++at_;
    size = head & 0x1fU;
  } else if (head >= 0xd9 && head <= 0xdb) {
    ++at_;
    size = read_size(head, 0xd9);
  } else {
    steal(read(depth, Place::kAnywhere));
    malformed("a key that is not a string");
  }
  return expect_text(make_key(take(size), size));
}

PyObject* Decoder::read_bytes(std::size_t size) {
  weigh(kHeavy - 1);
  const std::uint8_t* bytes = take(size);
  return check(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes), static_cast<Py_ssize_t>(size)));
}

PyObject* Decoder::read_list(std::size_t count, unsigned depth, Place place) {
  if (depth == kMaxDepth) malformed("nested more than 128 levels deep");
  expect_items(count, "items");
  if (place == Place::kKey) return read_tuple_items(count, depth + 1, place);
  return read_list_items(count, depth + 1);
}

PyObject* Decoder::read_list_items(std::size_t count, unsigned depth) {
  if (count == 0) return check(PyList_New(0));
  Unfinished list(PyList_New(static_cast<Py_ssize_t>(count)));
  for (std::size_t i = 0; i < count; ++i) {
    PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), read(depth, Place::kAnywhere));
  }
  return list.finish();
}

PyObject* Decoder::read_tuple_items(std::size_t count, unsigned depth, Place place) {
  if (count == 0) return check(PyTuple_New(0));  // there is only one, which is everybody's
  Unfinished tuple(PyTuple_New(static_cast<Py_ssize_t>(count)));
  for (std::size_t i = 0; i < count; ++i) {
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), read(depth, place));
  }
  return tuple.finish();
}

PyObject* Decoder::read_dict(std::size_t count, unsigned depth, Place place) {
  if (depth == kMaxDepth) malformed("nested more than 128 levels deep");
  if (place == Place::kKey) {
    throw CodecError{Code::kInvalidArgument, "a dict as a set's element or a dict's key has no form in Python"};
  }
  return read_dict_items(count, depth + 1);
}

PyObject* Decoder::read_dict_items(std::size_t count, unsigned depth) {
  expect_items(2 * count, "keys and values");
  py::object dict = steal(PyDict_New());
  for (std::size_t i = 0; i < count; ++i) {
    const py::object key = py::reinterpret_steal<py::object>(read_key(depth));
    set_item(dict, key.ptr(), read(depth, Place::kAnywhere));
  }
  return dict.release().ptr();
}

std::size_t Decoder::read_list_head(const char* what) {
  const std::uint8_t head = read_byte();
  const std::size_t count = head <= 0x9f ? head & 0x0fU : read_size(head, 0xdb);
  expect_items(count, what);
  return count;
}

// A size of 1, 2 or 4 bytes, for `head8` and the two heads after it.
std::size_t Decoder::read_size(std::uint8_t head, std::uint8_t head8) {
  switch (head - head8) {
    case 0:
      return read_number<std::uint8_t>();
    case 1:
      return read_number<std::uint16_t>();
    default:
      return read_number<std::uint32_t>();
  }
}

std::size_t Decoder::read_extension_size(std::uint8_t head) {
  return head >= 0xd4 ? std::size_t{1} << (head - 0xd4U) : read_size(head, 0xc7);
}

// Items weigh 1 each, to which those that are heavy add the rest themselves.
void Decoder::expect_items(std::size_t count, const char* what) {
  if (count > left()) malformed((std::string("more ") + what + " are announced than there are bytes").c_str());
  weigh(kHeavy - 1 + count);
}

void Decoder::expect_end() const {
  if (at_ != end_) malformed("bytes after the value");
}

void Decoder::weigh(std::size_t weight) {
  weight_ += weight;
  if (weight_ > kMaxWeight) throw_too_large();
}

void Decoder::malformed(const char* reason) const {
  throw CodecError{Code::kDataLoss, "malformed value at byte " + std::to_string(at_ - begin_) + ": " + reason};
}

}  // namespace ipcbridge::python
