#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// What the codec asks Python for: the values that MessagePack does not know, and what to say of those that are refused.
struct PythonRules {
  pybind11::object simplify;        // ipcbridge._values._simplify.simplify(value)
  pybind11::object extension_type;  // ._simplify.Extension
  pybind11::object read_extension;  // ._simplify.read_extension(tag, contents)
  pybind11::object refused_type;    // ._refusal.Refused
  pybind11::object stream_source;   // ipcbridge._streams.Source
  pybind11::object by_reference;    // ipcbridge._by_reference.ByReference
  pybind11::object array_type;      // ._arrays.Array
  pybind11::object find_ndarray;    // ._arrays.find_ndarray()
  pybind11::object make_dtype;      // ._arrays.make_dtype(description)
  pybind11::object without_numpy;   // ._arrays.without_numpy(description, shape, data)
  pybind11::object table_type;      // ._tables.Table
  pybind11::object read_table;      // ._table_arrival.read_table(kind, stream, room)
  pybind11::object explain;         // ._refusal.explain(root, reason, too_deep, steps, code)
};

// Imported when first needed, because most programs send plain values only. Throws what the import raises.
const PythonRules& python_rules();

}  // namespace ipcbridge::python
