#include "bindings/python/awaited_arguments.hpp"

#include <algorithm>

#include "bindings/python/classes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/handlers.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/stream_producer.hpp"
#include "core/base/system.hpp"

namespace py = pybind11;

namespace ipcbridge::python {

// Rung once for all that are told of until they are taken.
void AwaitedWork::tell(std::weak_ptr<AwaitedArguments> arguments) {
  const std::lock_guard lock(mutex_);
  told_.push_back(std::move(arguments));
  if (told_.size() == 1) bell_.ring();
}

void AwaitedWork::run() {
  std::vector<std::weak_ptr<AwaitedArguments>> told;
  {
    const std::lock_guard lock(mutex_);
    told.swap(told_);
    bell_.silence();
  }
  for (const std::weak_ptr<AwaitedArguments>& each : told) {
    if (std::shared_ptr<AwaitedArguments> arguments = each.lock()) {
      arguments->run();
      if (arguments.use_count() == 1) arguments->end();  // the last that had them has left meanwhile
    }
  }
}

std::shared_ptr<AwaitedArguments> AwaitedArguments::create(BlockingDriverBinding& binding, PyObject* driver,
                                                           std::vector<PyObject*> sources,
                                                           std::vector<std::uint64_t> references) {
  std::shared_ptr<AwaitedArguments> made(
      new AwaitedArguments(binding, driver, std::move(sources), std::move(references)));
  made->work_ = binding.awaited_work();
  made->context_ = PyContext_CopyCurrent();
  if (made->context_ != nullptr) return made;
  const RaisedAside aside;
  made->end();
  return nullptr;
}

AwaitedArguments::~AwaitedArguments() {
  binding().forget_streams(*this);
  Py_XDECREF(context_);
}

void AwaitedArguments::on_due() {
  if (!is_told_.exchange(true)) work_->tell(weak_from_this());
}

void AwaitedArguments::run() {
  is_told_ = false;
  go_on(take_due());
}

bool AwaitedArguments::go_on(Due due) {
  for (const StreamKey& stream : due.streams) {
    if (!begin_or_resume(stream)) PyErr_WriteUnraisable(nullptr);
  }
  for (InboundCall& call : due.calls) {
    if (!handle(binding(), driver(), call, nullptr, {context_, Py_None})) PyErr_WriteUnraisable(nullptr);
  }
  return true;
}

bool AwaitedArguments::begin_or_resume(const StreamKey& stream) {
  PyObject* source = take_source(stream);
  if (source == nullptr) return resume_stream(binding(), stream);
  if (PyContext_Enter(context_) != 0) return false;
  const bool has_begun = begin_streams_in_tasks(binding(), driver(), work_->start(), stream, {source});
  const RaisedAside aside;
  PyContext_Exit(context_);
  return has_begun;
}

void AwaitedArguments::leave(const std::shared_ptr<AwaitedArguments>& arguments) {
  arguments->run();
  if (arguments.use_count() == 1) arguments->end();
}

void bind_awaited_work(py::module_& module) {
  py::class_<AwaitedWork, std::shared_ptr<AwaitedWork>> type(
      module, "AwaitedWork", py::module_local(), plain_metaclass(),
      "What an event loop watches for what the calls that its tasks await ask of it.");
  hide_module_local(type);
  type.def(py::init([](py::object start) {
             return std::make_shared<AwaitedWork>(unwrap(Bell::create(System::real())), std::move(start));
           }),
           py::arg("start"))
      .def("fileno", &AwaitedWork::fd)
      .def("run", &AwaitedWork::run);
}

}  // namespace ipcbridge::python
