#pragma once

#include "core/workers/interrupt_check.hpp"

namespace ipcbridge::python {

// What a waiting thread asks: on the main thread, whether a signal handler raised (Ctrl-C); then the exception
// is set. Other threads never run signal handlers and have nothing to ask.
Interrupted interrupted_by_signals();

}  // namespace ipcbridge::python
