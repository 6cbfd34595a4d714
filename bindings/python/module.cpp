#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <ipcbridge/defaults.hpp>

#include "bindings/python/awaited_arguments.hpp"
#include "bindings/python/blocking_driver_binding.hpp"
#include "bindings/python/caller.hpp"
#include "bindings/python/current_call.hpp"
#include "bindings/python/driver_binding.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/handler_coroutine.hpp"
#include "bindings/python/handler_pool_binding.hpp"
#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/inheritance.hpp"
#include "bindings/python/loop_stream.hpp"
#include "bindings/python/loop_worker_binding.hpp"
#include "bindings/python/middleware_call.hpp"
#include "bindings/python/middleware_entry.hpp"
#include "bindings/python/middleware_step.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/proxy_base.hpp"
#include "bindings/python/ready_item.hpp"
#include "bindings/python/references.hpp"
#include "bindings/python/stream_arrivals_binding.hpp"
#include "bindings/python/stream_errors.hpp"
#include "bindings/python/stream_object.hpp"
#include "bindings/python/stream_producer_object.hpp"
#include "bindings/python/submitted_call.hpp"
#include "bindings/python/submitted_call_object.hpp"
#include "bindings/python/task_starter.hpp"
#include "bindings/python/text.hpp"
#include "bindings/python/values/codec_binding.hpp"
#include "bindings/python/values/memory_object.hpp"
#include "core/doctor/doctor.hpp"
#include "core/endpoint/nested_calls.hpp"
#include "core/naming/address.hpp"
#include "core/naming/near_matches.hpp"
#include "core/rpc/hello.hpp"
#include "core/transport/accounts.hpp"

namespace py = pybind11;

namespace {

constexpr const char* kSubinterpreter =
    "ipcbridge works in the main interpreter of a process only: this is a subinterpreter";

// The uids and gids of users' and groups' names.
std::pair<std::vector<uid_t>, std::vector<gid_t>> find_accounts(const std::vector<ipcbridge::python::Path>& names) {
  ipcbridge::AllowList found;
  const std::vector<std::string> plain(names.begin(), names.end());
  const ipcbridge::Status status = [&] {
    const py::gil_scoped_release released;  // a database may be on a network
    return ipcbridge::add_accounts(ipcbridge::System::real(), plain, found);
  }();
  ipcbridge::python::unwrap(status);
  return {std::move(found.uids), std::move(found.gids)};
}

// check, verdict, found and remedy of each.
std::vector<std::tuple<std::string, std::string, std::string, std::string>> examine() {
  const py::gil_scoped_release released;
  std::vector<std::tuple<std::string, std::string, std::string, std::string>> findings;
  for (ipcbridge::doctor::Finding& finding : ipcbridge::doctor::examine(ipcbridge::System::real())) {
    findings.emplace_back(finding.check, ipcbridge::doctor::verdict_name(finding.verdict), std::move(finding.found),
                          std::move(finding.remedy));
  }
  return findings;
}

// Those of errors, in the order of their numbers.
py::tuple code_names() {
  py::tuple names(ipcbridge::kCodeCount - 1);
  for (std::uint8_t number = 1; number < ipcbridge::kCodeCount; ++number) {
    names[number - 1U] = ipcbridge::python::to_str(ipcbridge::code_name(static_cast<ipcbridge::Code>(number)));
  }
  return names;
}

// By the names of the arguments; times in seconds.
py::dict defaults() {
  namespace core = ipcbridge::defaults;
  py::dict values;
  values["connect_timeout"] = core::kConnectTimeout.count();
  values["takeover_timeout"] = core::kTakeoverTimeout.count();
  values["grace"] = core::kGrace.count();
  values["threads"] = core::kThreads;
  values["max_queued_bytes"] = core::kMaxQueuedBytes;
  return values;
}

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
  module.attr("NOTIFY") = ipcbridge::call_flag::kNotify;
  module.attr("IDEMPOTENT") = ipcbridge::call_flag::kIdempotent;
  module.attr("FAIL_FAST") = ipcbridge::call_flag::kFailFast;
  module.attr("SUBMIT") = native::kSubmitFlag;
  module.attr("ON_LOOP") = native::kOnLoopFlag;
  module.attr("REMOTE_ERROR") = static_cast<int>(ipcbridge::Ending::kRemoteError);
  module.attr("MAYBE_RUN") = static_cast<int>(ipcbridge::Ending::kMaybeRun);
  module.attr("CODES") = code_names();
  module.attr("DESCRIBE") = ipcbridge::kDescribeMethod;
  module.attr("MAX_QUEUED_BYTES") = ipcbridge::defaults::kMaxQueuedBytes;
  module.attr("MAX_THREADS") = ipcbridge::kMaxThreads;
  module.attr("MAX_NESTED_CALLS") = ipcbridge::kMaxNestedCalls;
  module.attr("LEAST_LIMIT_BYTES") = ipcbridge::kLeastLimitBytes;
  module.attr("DEFAULTS") = defaults();
  native::bind_generation(module);
  native::add_inbound_call_type(module);
  native::add_current_call(module);
  native::add_handler_coroutine_type(module);
  native::add_task_starter_type(module);
  native::bind_blocking_driver(module);
  native::bind_loop_worker(module);
  native::bind_handler_pool(module);
  native::bind_driver(module);
  native::add_caller_type(module);
  native::bind_references(module);
  native::add_submitted_call_type(module);
  native::add_inheritance(module);
  native::add_stream_errors(module);
  native::add_ready_item_type();
  native::bind_stream_arrivals(module);
  native::bind_awaited_work(module);
  native::add_stream_type(module);
  native::add_loop_stream_type(module);
  native::add_stream_producer_type(module);
  native::add_value_codec(module);
  native::add_memory_type(module);
  native::add_proxy_base_type(module);
  native::add_middleware_call_type(module);
  native::add_middleware_step_type(module);
  native::add_middleware_entry_type(module);
  module.def("set_loop_servers", &native::set_loop_servers, py::arg("count"));
  module.def(
      "did_you_mean",
      [](const native::Text& name, const std::vector<std::string>& candidates) {
        return native::to_str(ipcbridge::did_you_mean(name, candidates));
      },
      py::arg("name"), py::arg("candidates"));
  module.def(
      "socket_path",
      [](const native::Path& address) {
        return native::path_to_str(native::unwrap(ipcbridge::parse_address(address)).path);
      },
      py::arg("address"));
  module.def("examine", &examine);
  module.def("find_accounts", &find_accounts, py::arg("names"));
}

#undef PyInit__native

// NOLINTNEXTLINE(readability-identifier-naming): the name that Python looks for.
extern "C" PYBIND11_EXPORT PyObject* PyInit__native() {
  if (is_main_interpreter()) return PyInit_by_pybind11();
  PyErr_SetString(PyExc_ImportError, kSubinterpreter);
  return nullptr;
}
