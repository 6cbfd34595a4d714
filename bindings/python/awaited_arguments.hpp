#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/passed_arguments.hpp"
#include "core/base/bell.hpp"

namespace ipcbridge::python {

class AwaitedArguments;

// ipcbridge._native.AwaitedWork: what an event loop watches, to do what the calls that its tasks await ask of it.
class AwaitedWork {
 public:
  // start(producer) has a task of the loop make the items of a stream.
  AwaitedWork(Bell bell, pybind11::object start) : bell_(std::move(bell)), start_(std::move(start)) {}

  // Readable when run() has something to do.
  int fd() const { return bell_.fd(); }
  PyObject* start() const { return start_.ptr(); }

  // Any thread.
  void tell(std::weak_ptr<AwaitedArguments> arguments);
  // On the loop's thread.
  void run();

 private:
  Bell bell_;
  pybind11::object start_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<AwaitedArguments>> told_;
};

// The arguments of a submitted call that a task of an event loop awaits: tasks of the loop make the items of its
// streams, and its functions run on the loop while the call is not answered, in the context in which it was made.
class AwaitedArguments final : public PassedArguments, public std::enable_shared_from_this<AwaitedArguments> {
 public:
  // Takes over what the constructor of PassedArguments does. Null with an exception set.
  static std::shared_ptr<AwaitedArguments> create(BlockingDriverBinding& binding, PyObject* driver,
                                                  std::vector<PyObject*> sources,
                                                  std::vector<std::uint64_t> references);
  ~AwaitedArguments() override;

  bool needs_waiting_thread() const override { return false; }
  void on_due() override;
  // On the loop's thread. What is raised is reported.
  bool go_on(Due due) override;
  void run();
  // The call, which had these, has been answered: what it has asked before that is done, and they end, unless a stream
  // of its result has them as well.
  static void leave(const std::shared_ptr<AwaitedArguments>& arguments);

 private:
  using PassedArguments::PassedArguments;

  bool begin_or_resume(const StreamKey& stream);

  std::shared_ptr<AwaitedWork> work_;
  PyObject* context_ = nullptr;
  std::atomic<bool> is_told_{false};
};

void bind_awaited_work(pybind11::module_& module);

}  // namespace ipcbridge::python
