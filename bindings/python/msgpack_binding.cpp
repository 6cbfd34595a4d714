#include "bindings/python/msgpack_binding.hpp"

#include "bindings/python/bytes.hpp"
#include "bindings/python/msgpack_scan.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyObject* to_int(Scanned scanned) { return PyLong_FromLong(static_cast<long>(scanned)); }

template <Scanned (*scan)(ConstBytes)>
PyObject* scan_object(PyObject* /*module*/, PyObject* data) {
  if (PyBytes_CheckExact(data) != 0) return to_int(scan(view(data)));
  Py_buffer buffer;
  if (PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE) != 0) return nullptr;
  const Scanned scanned = scan({static_cast<const std::byte*>(buffer.buf), static_cast<std::size_t>(buffer.len)});
  PyBuffer_Release(&buffer);
  return to_int(scanned);
}

PyMethodDef functions[] = {
    {"scan_value", &scan_object<scan_value>, METH_O,
     "scan_value($module, data, /)\n--\n\nWhether the bytes are one MessagePack value, and with extensions or "
     "without."},
    {"scan_arguments", &scan_object<scan_arguments>, METH_O,
     "scan_arguments($module, data, /)\n--\n\nscan_value for the list of a call's arguments."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_msgpack_scanners(py::module_& module) {
  module.attr("PLAIN") = static_cast<int>(Scanned::kPlain);
  module.attr("EXTENDED") = static_cast<int>(Scanned::kExtended);
  module.attr("KEYWORDS") = static_cast<int>(Scanned::kKeywords);
  module.attr("TOO_LARGE") = static_cast<int>(Scanned::kTooLarge);
  module.attr("MAX_WEIGHT") = kMaxWeight;
  if (PyModule_AddFunctions(module.ptr(), functions) != 0) throw py::error_already_set();
}

}  // namespace ipcbridge::python
