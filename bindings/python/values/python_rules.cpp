#include "bindings/python/values/python_rules.hpp"

namespace py = pybind11;

namespace ipcbridge::python {

const PythonRules& python_rules() {
  static const PythonRules* rules = nullptr;  // guarded by the GIL; never freed, since threads may outlive the module
  if (rules == nullptr) {
    // The import may let another thread in here, or code that sends a value: then there are two, and one is kept.
    const py::module_ simplify = py::module_::import("ipcbridge._values._simplify");
    const py::module_ refusal = py::module_::import("ipcbridge._values._refusal");
    const py::module_ arrays = py::module_::import("ipcbridge._values._arrays");
    const py::module_ tables = py::module_::import("ipcbridge._values._tables");
    const py::module_ table_arrival = py::module_::import("ipcbridge._values._table_arrival");
    const py::module_ streams = py::module_::import("ipcbridge._streams");
    const py::module_ by_reference = py::module_::import("ipcbridge._by_reference");
    rules = new PythonRules{simplify.attr("simplify"),    simplify.attr("Extension"),  simplify.attr("read_extension"),
                            refusal.attr("Refused"),      streams.attr("Source"),      by_reference.attr("ByReference"),
                            arrays.attr("Array"),         arrays.attr("find_ndarray"), arrays.attr("make_dtype"),
                            arrays.attr("without_numpy"), tables.attr("Table"),        table_arrival.attr("read_table"),
                            refusal.attr("explain")};
  }
  return *rules;
}

}  // namespace ipcbridge::python
