#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/base/bell.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/endpoint/inbound_call.hpp"
#include "core/workers/blocking_driver.hpp"
#include "core/workers/worker_pool.hpp"

namespace ipcbridge {

// The thread of an event loop, which runs the handlers of set_loop_methods() as tasks of that loop: a worker that waits
// in the loop's own selector. While what arrives is for it, it leads: it reads its calls itself, spins as a caller
// does, and nobody has to wake it. At most one a BlockingDriver; only on the loop's thread.
class LoopWorker {
 public:
  // `selector` is the loop's (selector.hpp), which outlives the worker. resource_exhausted when descriptors cannot be
  // had.
  static Result<std::unique_ptr<LoopWorker>> create(BlockingDriver& driver, System& system, int selector);
  ~LoopWorker();
  LoopWorker(const LoopWorker&) = delete;
  LoopWorker& operator=(const LoopWorker&) = delete;

  enum class Ready : std::uint8_t {
    kCall,   // take() has one, if nobody has cancelled it meanwhile
    kOther,  // a descriptor of the loop's own is ready, or a signal arrived
    kNone,   // the time is over
  };
  // Blocks until one of these. Until the next wait the thread is considered busy.
  Ready wait(TimePoint until);

  // A call that is there already. Between two takes the thread is considered busy with the call it was given.
  bool take(InboundCall& call);

  // The thread is done with its call, and goes on with what else its loop has to run. A take that gives nothing says
  // so, too.
  void finish();

 private:
  friend class BlockingDriver::Impl;

  LoopWorker(BlockingDriver& driver, System& system, Bell bell, int selector);

  // Blocks in the selector.
  enum class Wake : std::uint8_t { kNobody, kBell, kMessage, kOther };
  Wake sleep(TimePoint until) const;
  bool others_are_ready() const;
  // Whether the Driver's messages wake it.
  void watch(int fd, bool on);

  BlockingDriver::Impl& driver_;
  System& system_;
  Bell bell_;
  int selector_;
  int watched_ = -1;
  std::optional<WorkerPool::Idle> idle_;  // while it is entered
};

}  // namespace ipcbridge
