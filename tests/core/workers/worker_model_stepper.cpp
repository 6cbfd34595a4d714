#include "tests/core/workers/worker_model_stepper.hpp"

#include <array>

namespace ipcbridge::worker_model {

std::string_view name_of(Id thread) {
  constexpr std::array<std::string_view, kThreads> kNames = {"the caller", "worker 1", "worker 2", "the watchdog"};
  return kNames[thread];
}

std::vector<Step> Stepper::run() {
  for (Id thread = 0; thread < kThreads; ++thread) {
    self_ = thread;
    run_thread();
  }
  run_world();
  return std::move(steps_);
}

void Stepper::run_thread() {
  if (run_reader() || run_caller() || run_loop() || run_worker()) return;
  run_watchdog();
}

}  // namespace ipcbridge::worker_model
