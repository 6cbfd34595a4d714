// Decoder: MessagePack's extensions, and the keyword arguments, which are one.
#include <string>
#include <utility>

#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/hash_collisions.hpp"
#include "bindings/python/values/made.hpp"
#include "bindings/python/values/python_rules.hpp"
#include "bindings/python/values/wire_format.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

[[noreturn]] void throw_hash_alike() {
  throw CodecError{Code::kResourceExhausted, "a set or dict with more than 64 keys of the same hash"};
}

}  // namespace

PyObject* Decoder::read_extension(std::size_t size, unsigned depth, Place place) {
  const auto tag = static_cast<std::int8_t>(read_byte());
  weigh(kHeavy - 1);
  switch (static_cast<Tag>(tag)) {
    case Tag::kTimestamp:
    case Tag::kBigInt:
    case Tag::kLocalDatetime:
      return read_by_rule(tag, size);
    case Tag::kStream:
      if (place == Place::kKey) malformed("a stream as a key");
      return read_stream(size);
    case Tag::kFunction:
    case Tag::kObject:
      if (place == Place::kKey) malformed("a reference as a key");
      return read_reference(static_cast<Tag>(tag), size, depth);
    case Tag::kArray:
      return read_array(size, place);
    case Tag::kTable:
      return read_table(size, place);
    case Tag::kAttached:
      return read_attached(size);
    case Tag::kKwargs:
      malformed("keyword arguments elsewhere than at the end of the arguments");
    case Tag::kMap:
    case Tag::kSet:
      break;
    default:
      malformed("an extension type that is not known");
  }
  const std::uint8_t* contents = take(size);
  const std::uint8_t* outer = end_;
  end_ = at_;
  at_ = contents;
  weigh(1);
  if (size == 0 || !is_list(*at_)) malformed("a set or a dict whose contents are not a list");
  if (depth == kMaxDepth) malformed("nested more than 128 levels deep");
  py::object value =
      steal(static_cast<Tag>(tag) == Tag::kSet ? read_set(depth + 1, place) : read_any_dict(depth + 1, place));
  expect_end();
  end_ = outer;
  return value.release().ptr();
}

PyObject* Decoder::read_set(unsigned depth, Place place) {
  const std::size_t count = read_list_head("elements");
  Values elements;
  elements.reserve(count);
  for (std::size_t i = 0; i < count; ++i) elements.push_back(steal(read(depth, Place::kKey)));
  if (hash_alike(elements, 1)) throw_hash_alike();
  py::object set = steal(place == Place::kKey ? PyFrozenSet_New(nullptr) : PySet_New(nullptr));
  for (const py::object& element : elements) {
    if (PySet_Add(set.ptr(), element.ptr()) != 0) throw py::error_already_set();
  }
  return set.release().ptr();
}

PyObject* Decoder::read_any_dict(unsigned depth, Place place) {
  const std::size_t count = read_list_head("keys and values");
  if (count % 2 != 0) malformed("a dict with a key that has no value");
  if (place == Place::kKey) {
    throw CodecError{Code::kInvalidArgument, "a dict as a set's element or a dict's key has no form in Python"};
  }
  Values items;
  items.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    items.push_back(steal(read(depth, i % 2 == 0 ? Place::kKey : Place::kAnywhere)));
  }
  if (hash_alike(items, 2)) throw_hash_alike();
  py::object dict = steal(PyDict_New());
  for (std::size_t i = 0; i < count; i += 2) set_item(dict, items[i].ptr(), items[i + 1].release().ptr());
  return dict.release().ptr();
}

PyObject* Decoder::read_stream(std::size_t size) {
  if (size != sizeof(std::uint32_t)) malformed("a stream without its place");
  const auto place = read_number<std::uint32_t>();
  PyObject* stream = streams_ == nullptr ? nullptr : streams_->make(place);
  if (stream != nullptr) return stream;
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  malformed("a stream that did not come with the message");
}

PyObject* Decoder::read_reference(Tag tag, std::size_t size, unsigned depth) {
  if (size < sizeof(std::uint64_t)) malformed("a reference without its id");
  const std::uint8_t* contents = take(size);
  const std::uint8_t* outer = end_;
  end_ = at_;
  at_ = contents;
  const auto id = read_number<std::uint64_t>();
  const auto names = tag == Tag::kObject ? steal(read_names(depth)) : py::object(py::none());
  expect_end();
  end_ = outer;
  if (references_ == nullptr) malformed("a function, or an object, where none can be");
  PyObject* made = references_->receive(id, names.ptr());
  if (made == nullptr) throw py::error_already_set();
  return made;
}

PyObject* Decoder::read_names(unsigned depth) {
  weigh(1);
  if (left() == 0 || !is_list(*at_)) malformed("an object without the names of its methods");
  if (depth == kMaxDepth) malformed("nested more than 128 levels deep");
  py::object names = steal(read(depth + 1, Place::kAnywhere));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names.ptr()); ++i) {
    if (PyUnicode_CheckExact(PyList_GET_ITEM(names.ptr(), i)) == 0) malformed("a method whose name is no string");
  }
  return names.release().ptr();
}

PyObject* Decoder::read_by_rule(std::int8_t tag, std::size_t size) {
  const std::uint8_t* contents = take(size);
  const py::int_ type(tag);
  const py::object bytes =
      steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(contents), static_cast<Py_ssize_t>(size)));
  PyObject* given[] = {type.ptr(), bytes.ptr()};
  PyObject* value = PyObject_Vectorcall(python_rules().read_extension.ptr(), given, 2, nullptr);
  if (value != nullptr) return value;
  py::error_already_set error;
  if (error.matches(PyExc_OverflowError)) {
    throw CodecError{Code::kOutOfRange, "a date outside the years 1 to 9999, which datetime cannot hold"};
  }
  if (!error.matches(PyExc_ValueError)) throw std::move(error);
  malformed(py::str(error.value()).cast<std::string>().c_str());
}

// The map of keyword arguments is itself no level of any argument.
PyObject* Decoder::read_keywords() {
  const std::size_t size = read_extension_size(read_byte());
  read_byte();
  weigh(kHeavy);
  const std::uint8_t* contents = take(size);
  const std::uint8_t* outer = end_;
  end_ = at_;
  at_ = contents;
  if (size == 0 || !is_map(*at_)) malformed("keyword arguments that are not a dict");
  const std::uint8_t head = read_byte();
  const std::size_t count = head <= 0x8f ? head & 0x0fU : read_size(head, 0xdd);
  py::object keywords = steal(read_dict_items(count, 0));
  expect_end();
  end_ = outer;
  return keywords.release().ptr();
}

bool Decoder::keywords_follow() const {
  if (left() == 0 || !is_extension(*at_)) return false;
  const std::size_t skipped = *at_ >= 0xd4 ? 1 : 1 + (std::size_t{1} << (*at_ - 0xc7U));
  return left() > skipped && static_cast<std::int8_t>(at_[skipped]) == static_cast<std::int8_t>(Tag::kKwargs);
}

}  // namespace ipcbridge::python
