#include <string>
#include <string_view>
#include <vector>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/python/caller.hpp"
#include "bindings/python/driver_binding.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/proxy_base.hpp"
#include "bindings/python/pump_binding.hpp"
#include "bindings/python/values/codec_binding.hpp"
#include "core/naming/address.hpp"
#include "core/naming/near_matches.hpp"

namespace py = pybind11;

namespace {

constexpr const char* kSubinterpreter =
    "ipcbridge works in the main interpreter of a process only: this is a subinterpreter";

bool is_main_interpreter() { return PyInterpreterState_Get() == PyInterpreterState_Main(); }

}  // namespace

// The entry point of pybind11 gets another name, to be called by ours: before Python 3.12 it hangs in a subinterpreter.
#define PyInit__native PyInit_by_pybind11

PYBIND11_MODULE(_native, module) {
  // Since Python 3.13 the entry point runs in the main interpreter whichever of them imports.
  if (!is_main_interpreter()) throw py::import_error(kSubinterpreter);
  namespace native = ipcbridge::python;
  module.doc() = "The core of ipcbridge. Private: use ipcbridge and ipcbridge.aio.";
  module.attr("__version__") = IPCBRIDGE_VERSION;
  module.attr("NOTIFY") = native::call_flag::kNotify;
  module.attr("IDEMPOTENT") = native::call_flag::kIdempotent;
  module.attr("FAIL_FAST") = native::call_flag::kFailFast;
  native::bind_generation(module);
  native::bind_pump(module);
  native::bind_driver(module);
  native::add_caller_type(module);
  native::add_value_codec(module);
  native::add_proxy_base_type(module);
  module.def("set_loop_servers", &native::set_loop_servers, py::arg("count"));
  module.def(
      "did_you_mean",
      [](const std::string& name, const std::vector<std::string>& candidates) {
        return ipcbridge::did_you_mean(name, candidates);
      },
      py::arg("name"), py::arg("candidates"));
  module.def(
      "socket_path", [](std::string_view address) { return native::unwrap(ipcbridge::parse_address(address)).path; },
      py::arg("address"));
}

#undef PyInit__native

// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the name that Python looks for.
extern "C" PYBIND11_EXPORT PyObject* PyInit__native() {
  if (is_main_interpreter()) return PyInit_by_pybind11();
  PyErr_SetString(PyExc_ImportError, kSubinterpreter);
  return nullptr;
}
