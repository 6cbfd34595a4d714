#include "bindings/python/values/codec_binding.hpp"

#include "bindings/python/bytes.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/encoder.hpp"
#include "bindings/python/values/wire_format.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyObject* encode_result(PyObject* /*module*/, PyObject* const* args, Py_ssize_t count) {
  if (count != 1 && count != 2) return PyErr_Format(PyExc_TypeError, "encode_result(value, root='result')");
  const char* root = count == 2 ? PyUnicode_AsUTF8(args[1]) : "result";
  if (root == nullptr) return nullptr;
  return with_codec_errors(root, [value = args[0]] {
    Encoder encoder;
    encoder.put_value(value);
    return encoder.finish();
  });
}

PyObject* encode_args(PyObject* /*module*/, PyObject* const* args, Py_ssize_t count) {
  if (count != 2 || PyTuple_CheckExact(args[0]) == 0 || PyDict_CheckExact(args[1]) == 0) {
    return PyErr_Format(PyExc_TypeError, "encode_args(args: tuple, kwargs: dict)");
  }
  PyObject* positional = args[0];
  PyObject* keywords = args[1];
  const bool named = PyDict_Size(keywords) > 0;
  const char* root = "args";
  return with_codec_errors(root, [&] {
    Encoder encoder;
    encoder.put_arguments(PySequence_Fast_ITEMS(positional), PyTuple_GET_SIZE(positional), named);
    root = "kwargs";
    if (named) encoder.put_keywords(keywords);
    return encoder.finish();
  });
}

template <PyObject* (Decoder::*read)()>
PyObject* decode(PyObject* /*module*/, PyObject* data) {
  const auto read_all = [](ConstBytes bytes) {
    return with_codec_errors("", [bytes] { return (Decoder(bytes).*read)(); });
  };
  if (PyBytes_CheckExact(data) != 0) return read_all(view(data));
  Py_buffer buffer;
  if (PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE) != 0) return nullptr;
  PyObject* value = read_all({static_cast<const std::byte*>(buffer.buf), static_cast<std::size_t>(buffer.len)});
  PyBuffer_Release(&buffer);
  return value;
}

PyMethodDef functions[] = {
    {"encode_result", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&encode_result)), METH_FASTCALL,
     "encode_result($module, value, root='result', /)\n--\n\nThe bytes of one value. Raises IpcError naming the path, "
     "from `root` on, to what cannot be sent, or not yet."},
    {"encode_args", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&encode_args)), METH_FASTCALL,
     "encode_args($module, args, kwargs, /)\n--\n\nThe bytes of a call's arguments; raises as encode_result does."},
    {"decode", &decode<&Decoder::read_whole_value>, METH_O,
     "decode($module, data, /)\n--\n\nThe value of encode_result's bytes. Raises IpcError: 'data_loss' for bytes that "
     "no "
     "encoder makes, 'resource_exhausted' for more values than are allowed."},
    {"decode_args", &decode<&Decoder::read_whole_arguments>, METH_O,
     "decode_args($module, data, /)\n--\n\nThe positional and the keyword arguments of encode_args' bytes; raises as "
     "decode does."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_value_codec(py::module_& module) {
  if (PyModule_AddFunctions(module.ptr(), functions) != 0) throw py::error_already_set();
}

}  // namespace ipcbridge::python
