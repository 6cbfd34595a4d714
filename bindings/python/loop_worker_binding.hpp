#pragma once

#include <memory>
#include <unordered_map>

#include <pybind11/pybind11.h>

#include "bindings/python/blocking_driver_binding.hpp"
#include "core/workers/loop_worker.hpp"

namespace ipcbridge::python {

// The LoopWorker of the event loop on which a process's `async` handlers run, as that loop's selector sees it. Only on
// the loop's thread, except add_server() and remove_server(), which the GIL guards.
class LoopWorkerBinding {
 public:
  // `selector`: its descriptor. `ready`: what the loop has to run now. Both outlive this, which close() ends.
  LoopWorkerBinding(pybind11::object driver, int selector, pybind11::object ready);
  ~LoopWorkerBinding();
  LoopWorkerBinding(const LoopWorkerBinding&) = delete;
  LoopWorkerBinding& operator=(const LoopWorkerBinding&) = delete;

  void add_server(ServerId server, Handlers handlers);
  void remove_server(ServerId server);

  // Runs the handlers of what arrives for so many seconds (None: for ever), until the loop has something else to do.
  // True when one of the selector's other descriptors may be ready. `scheduled`: what the loop has to run later, which
  // is another list from time to time.
  bool wait(const pybind11::object& timeout, const pybind11::list& scheduled);

  void close();

 private:
  bool run_calls(BlockingDriver& driver);

  pybind11::object driver_object_;
  BlockingDriverBinding& driver_;
  pybind11::object ready_;
  std::unordered_map<ServerId, Handlers> servers_;
  std::unique_ptr<LoopWorker> worker_;
};

void bind_loop_worker(pybind11::module_& module);

}  // namespace ipcbridge::python
