// Decoder: tables.
#include <string>
#include <utility>

#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/copied.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/made.hpp"
#include "bindings/python/values/memory_object.hpp"
#include "bindings/python/values/python_rules.hpp"
#include "bindings/python/values/wire_format.hpp"
#include "core/base/blob.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// Arrow checks a stream once and trusts it from then on, so nobody else may be able to change it meanwhile: what
// another process still can is copied.
Attachment unchanging(const Attachment& attachment) {
  if (!attachment.memory->is_shared()) return attachment;
  BlobRef blob = make_heap_blob(attachment.bytes.size());
  if (!blob) throw CodecError{Code::kResourceExhausted, "no memory for a table of that size"};
  Attachment copy(std::move(blob));
  copy_without_gil(copy.bytes.data(), attachment.bytes);
  return copy;
}

}  // namespace

PyObject* Decoder::read_table(std::size_t size, Place place) {
  const std::uint8_t* contents = take(size);
  const std::uint8_t* outer = end_;
  end_ = at_;
  at_ = contents;
  weigh(1);
  if (size == 0 || !is_list(*at_) || read_list_head("parts of a table") != 2) {
    malformed("a table that is no list of its kind and its stream");
  }
  if (place == Place::kKey) {
    throw CodecError{Code::kInvalidArgument, "a table as a set's element or a dict's key has no form in Python"};
  }
  const std::string_view name = read_name();
  const py::object kind =
      steal(expect_text(PyUnicode_DecodeUTF8(name.data(), static_cast<Py_ssize_t>(name.size()), nullptr)));
  const py::object stream = read_stream_of_table();
  expect_end();
  end_ = outer;
  const py::object room = steal(PyLong_FromSize_t(kMaxWeight - weight_));
  PyObject* given[] = {kind.ptr(), stream.ptr(), room.ptr()};
  PyObject* made = PyObject_Vectorcall(python_rules().read_table.ptr(), given, 3, nullptr);
  if (made == nullptr) {
    py::error_already_set error;
    if (!error.matches(PyExc_ValueError)) throw std::move(error);
    malformed(py::str(error.value()).cast<std::string>().c_str());
  }
  const py::object both = py::reinterpret_steal<py::object>(made);  // the value, and what it weighs besides
  weigh(PyLong_AsSize_t(PyTuple_GET_ITEM(made, 1)));
  return py::reinterpret_borrow<py::object>(PyTuple_GET_ITEM(made, 0)).release().ptr();
}

// An object with the buffer protocol, read-only, whose bytes do not change.
py::object Decoder::read_stream_of_table() {
  if (attachment_follows()) return steal(new_memory(unchanging(take_attachment(sizeof(std::uint32_t)))));
  const std::uint8_t head = left() == 0 ? 0 : read_byte();
  if (head < 0xc4 || head > 0xc6) malformed("a table whose stream is not bytes");
  return steal(read_bytes(read_size(head, 0xc4)));
}

}  // namespace ipcbridge::python
