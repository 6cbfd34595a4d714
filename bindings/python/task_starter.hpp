#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// ipcbridge._native.TaskStarter(loop, task_type, can_step, name, handler, failed, track): begins the calls of an
// `async def` method as tasks of the running loop: see handlers.hpp.
//
// A task's first step is run at once: by asyncio, where it knows how to (`eager_start`, since Python 3.12), otherwise
// taken from the loop, if `can_step` says that it is one whose methods may be replaced for a moment. A loop with a task
// factory makes and runs the task as it likes. `track(call, task)` is told of a task that has not ended then.
void add_task_starter_type(pybind11::module_& module);

}  // namespace ipcbridge::python
