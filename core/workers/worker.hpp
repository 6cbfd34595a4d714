#pragma once

#include <cstdint>

#include "core/endpoint/inbound_call.hpp"
#include "core/workers/blocking_driver.hpp"

namespace ipcbridge {

// A thread that runs a server's handlers, from its first call to its last; lives on that thread's stack, whose only
// user it is. Between two takes the thread is considered busy with the call it was given; when the Worker ends, in the
// middle of a call or not, what it leaves undone is for others.
//
//   Worker worker(driver, server);
//   for (InboundCall call; worker.next(call);) answer(call);
class Worker {
 public:
  // `epoch`: of BlockingDriver::dismiss_workers().
  Worker(BlockingDriver& driver, ServerId server, std::uint32_t epoch = 0);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Blocks until there is a call, and gives it. False after stop_workers() or dismiss_workers(), or when interrupted. A
  // call that is cancelled before it began is answered by the driver and never given.
  bool next(InboundCall& call, const Interrupted& interrupted = {});

  // The same without taking the call: take() does, if nobody else has meanwhile. For a thread that has to wait for its
  // interpreter's lock, so that no call waits with it while whoever has that lock could run it.
  bool wait(const Interrupted& interrupted = {});

  // A call that is there already, without waiting and without reading: lets a thread that has its interpreter's lock
  // keep it.
  bool take(InboundCall& call);

 private:
  friend class BlockingDriver::Impl;

  BlockingDriver::Impl& driver_;
  ServerId server_;
  WorkQueue* queue_ = nullptr;  // null: of a process that has forked
  std::uint32_t epoch_;
  std::uint32_t number_ = 0;  // in its queue
  RequestKey call_;           // that it was given last
  Worker* outer_ = nullptr;   // of this thread, in whose handler this one runs
};

}  // namespace ipcbridge
