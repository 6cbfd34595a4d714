// The steps of what others do: messages that arrive, methods of the Driver, a stop.
#include <utility>

#include "tests/core/workers/worker_model_stepper.hpp"

namespace ipcbridge::worker_model {

void Stepper::run_world() {
  for (std::size_t server = 0; server < kServers; ++server) {
    if (from_.calls_to_come[server] == 0) continue;
    world_step("a call arrives", [&](State& s) {
      add(s.calls_to_come[server], -1);
      add(s.unread_calls[server], 1);
      ring(s);
    });
  }
  for (Id thread = 0; thread < kThreads; ++thread) {
    if (from_.threads[thread].answer != Answer::kAsked) continue;
    world_step("an answer arrives", [&](State& s) {
      s.threads[thread].answer = Answer::kUnread;
      ring(s);
    });
    steps_.back().spurious = model_.unanswered && thread != kCaller;
  }
  if (from_.loop_work_to_come) {
    world_step("something else becomes ready in the loop", [](State& s) {
      s.loop_work_to_come = false;
      s.loop_work = true;
    });
  }
  if (from_.dismissal_to_come) {
    world_step("dismisses the first worker, and another comes", [this](State& s) {
      s.dismissal_to_come = false;
      s.threads[kFirstWorker + 1].at = At::kWait;
      s.threads[kFirstWorker + 1].work = Work::kIdle;
      Locked lock(model_, s);
      lock.dismiss();
      lock.wake_needed();
    });
  }
  if (driver_is_free()) call_driver();
  if (from_.stop_to_come && from_.stopper_asked) {
    world_step("stops the workers", [this](State& s) {
      s.stop_to_come = false;
      Locked lock(model_, s);
      lock.stop();
      s.over = s.over || s.stopper_saw_closed;
      lock.erase_if_over();
      lock.wake_needed();
    });
  }
}

void Stepper::ring(State& s) {
  if (std::exchange(s.armed, false)) s.readable = true;
}

void Stepper::call_driver() {
  if (from_.disturbances_to_come > 0) {
    world_step("a method of the Driver sends", [this](State& s) {
      add(s.disturbances_to_come, -1);
      disturb(s);
    });
  }
  if (from_.event_to_come) {
    world_step("a method of the Driver makes an event", [](State& s) {
      s.event_to_come = false;
      s.unread_event = true;
      wake_consumer(s);
    });
  }
  if (from_.close_to_come) {
    world_step("the server is closed", [](State& s) {
      s.close_to_come = false;
      s.closed = true;
      s.unread_closed = true;
      s.calls_to_come[0] = 0;
      wake_consumer(s);
    });
  }
  if (from_.stop_to_come && !from_.stopper_asked) {
    world_step("whoever stops the workers asks whether the server is closed", [](State& s) {
      s.stopper_asked = true;
      s.stopper_saw_closed = s.closed;
    });
  }
}

}  // namespace ipcbridge::worker_model
