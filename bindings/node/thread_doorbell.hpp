#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include <node_api.h>

#include "bindings/node/doorbell.hpp"
#include "core/base/bell.hpp"
#include "core/endpoint/driver.hpp"

namespace ipcbridge::node {

// For runtimes without a libuv to talk to (Bun, Deno): a thread waits on the Driver's descriptor and has the
// JavaScript thread called, once per wake. No spinning.
class ThreadDoorbell final : public Doorbell {
 public:
  static std::unique_ptr<ThreadDoorbell> create(napi_env env, Driver& driver, Drainer& drainer);
  ~ThreadDoorbell() override;

  void touched() override { schedule(); }
  void keep_alive() override;

 private:
  ThreadDoorbell(napi_env env, Driver& driver, Drainer& drainer);

  bool start();
  bool start_thread();
  void stop();
  static void on_cleanup(void* doorbell);
  void watch();
  void schedule();
  void drain();

  napi_env env_;
  Driver& driver_;
  Drainer& drainer_;
  napi_threadsafe_function call_ = nullptr;
  std::optional<Bell> armed_;  // the thread may wait for the Driver again, or is to end
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> waiting_ = false;  // the thread waits for the Driver, or is about to
  bool scheduled_ = false;
  bool alive_ = false;
  std::thread thread_;
};

}  // namespace ipcbridge::node
