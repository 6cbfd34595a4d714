#pragma once

#include <memory>

#include <node_api.h>

#include "bindings/node/doorbell.hpp"
#include "bindings/node/uv_api.hpp"
#include "core/endpoint/driver.hpp"

namespace ipcbridge::node {

// Runs the Driver on the event loop's own thread: spins before the loop waits, and has the loop poll the
// Driver's descriptor while it does.
class LoopDoorbell final : public Doorbell {
 public:
  // Nothing when the loop or its functions cannot be had.
  static std::unique_ptr<LoopDoorbell> create(napi_env env, Driver& driver, Drainer& drainer);
  ~LoopDoorbell() override;

  void touched() override {}  // before_wait() runs in every turn of the loop
  void keep_alive() override;

 private:
  struct Handles;

  LoopDoorbell(Driver& driver, Drainer& drainer, Handles& handles);

  void before_wait();
  void after_wait();
  bool spin(TimePoint deadline, bool& stopped);
  bool others_wait() const;
  void let_go_when_idle();

  Driver& driver_;
  Drainer& drainer_;
  Handles* handles_;  // null when the environment is being taken down
  bool rung_ = false;
  bool alive_ = false;
};

}  // namespace ipcbridge::node
