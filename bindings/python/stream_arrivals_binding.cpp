#include "bindings/python/stream_arrivals_binding.hpp"

#include <memory>

#include "bindings/python/classes.hpp"
#include "bindings/python/errors.hpp"
#include "core/base/system.hpp"
#include "core/workers/stream_arrivals.hpp"

namespace py = pybind11;

namespace ipcbridge::python {

void bind_stream_arrivals(py::module_& module) {
  py::class_<StreamArrivals, std::shared_ptr<StreamArrivals>> type(
      module, "StreamArrivals", py::module_local(), plain_metaclass(), "What an event loop watches for its streams.");
  hide_module_local(type);
  type.def(py::init([] { return unwrap(StreamArrivals::create(System::real())); }))
      .def("fileno", &StreamArrivals::fd)
      .def("take", [](StreamArrivals& arrivals) {
        py::list streams;
        for (const StreamKey& stream : arrivals.take()) streams.append(py::make_tuple(stream.connection, stream.id));
        return streams;
      });
}

}  // namespace ipcbridge::python
