#include "core/cpp_api/engine.hpp"

#include <string>

#include "core/base/fork.hpp"
#include "core/cpp_api/errors.hpp"

namespace ipcbridge {

Engine::Engine(System& system, bool spin)
    : system_(system), generation_(fork_guard::generation()), states_(std::make_unique<StateTracker>()) {
  DriverOptions options;
  options.system = &system;
  options.spin = spin;
  driver_ = unwrap(BlockingDriver::create(options, [this](const ObservedEvent& event) { states_->observe(event); }));
}

Engine::~Engine() {
  // The child's copy counts threads that wait on it and exist in the parent only: destroying it waits for them.
  if (forked()) static_cast<void>(states_.release());
}

Bridge Engine::bridge(System& system) { return Bridge(std::make_shared<Engine>(system, /*spin=*/true)); }

BlockingDriver& Engine::driver() {
  if (forked()) {
    raise(Error{Code::kFailedPrecondition,
                "this object was made before fork() and belongs to the parent process: make another Bridge"});
  }
  return *driver_;
}

bool Engine::forked() const { return generation_ != fork_guard::generation(); }

Duration checked_duration(std::chrono::nanoseconds value, std::string_view what) {
  if (value < Duration::zero()) raise(Error{Code::kInvalidArgument, std::string(what) + " must not be negative"});
  return value;
}

}  // namespace ipcbridge
