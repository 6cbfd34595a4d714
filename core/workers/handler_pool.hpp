#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "core/endpoint/call_queue.hpp"
#include "core/endpoint/inbound_call.hpp"
#include "core/workers/waiter.hpp"

namespace ipcbridge {

// The calls of a server that an event loop reads and threads run (the pattern Half-Sync/Half-Async; Schmidt, Cranor, in
// "Pattern Languages of Program Design 2"). They wait in a queue in which connections take turns.
//
// Threads are made by the owner, when call_thread() says so: where there were enough for what waits, one more would
// only contend for its interpreter's lock. So one is called at a time, and calls the next if it leaves anything: when
// it has taken a call, and when it has left the pool.
//
// Any thread. Locks: the Driver's before this one's.
class HandlerPool {
 public:
  // A thread of the pool; lives on its stack.
  //
  //   while (thread.wait(read)) {
  //     for (InboundCall call; thread.take(call);) answer(call);
  //   }
  class Thread;

  explicit HandlerPool(std::uint32_t most_threads);
  HandlerPool(const HandlerPool&) = delete;
  HandlerPool& operator=(const HandlerPool&) = delete;

  // When it throws, no call has been lost or added. Somebody is called for it by call_thread().
  void push(InboundCall&& call);

  // Sees to it that a thread comes for what waits. True when the caller is to start one; if it cannot, it says so.
  [[nodiscard]] bool call_thread();
  // It could not be started. True when there is no other thread: what waits will be run by nobody.
  [[nodiscard]] bool note_not_started();
  bool has_calls() const;
  // For what nobody will run.
  bool take_back(InboundCall& call);

  // The caller of a call has given up. True when nobody has begun to run it, and nobody will: whoever asks answers it.
  // Otherwise the thread that runs it can know.
  bool cancel(const RequestKey& key);
  // Whether a thread runs this call although its caller has given up.
  bool is_cancelled(const RequestKey& key) const;
  // See CallQueue.
  void end_connection(std::uint64_t connection);

  // The server is closed: nothing is run any more, and the threads leave.
  void stop();

 private:
  void call_idle();
  Thread* find(const RequestKey& running) const;
  bool is_attended() const { return waiting_.empty() || coming_ > 0 || stopping_; }

  mutable std::mutex mutex_;
  CallQueue waiting_;
  std::vector<Thread*> threads_;  // that are here
  std::vector<Thread*> idle_;     // of these; the one that fell asleep last is the next, because its caches are warm
  std::uint32_t most_threads_;
  std::uint32_t starting_ = 0;
  std::uint32_t coming_ = 0;  // those that start, or will come for a call
  bool stopping_ = false;
};

class HandlerPool::Thread {
 public:
  // After call_thread() has said that one is to be started.
  explicit Thread(HandlerPool& pool);
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  // Blocks until there is a call to come for. False when the pool is stopped. `read`, where there is one, is what it
  // does, without the pool's lock, before it sleeps: it may push calls, and returns false when there is nothing to do
  // but sleep.
  bool wait(const std::function<bool()>& read = {});
  // A call, if nobody else has taken it meanwhile. Until the next take or wait the thread is considered to run it.
  bool take(InboundCall& call);

 private:
  friend class HandlerPool;

  void set_coming(bool coming);

  HandlerPool& pool_;
  Waiter waiter_;
  bool is_coming_ = false;
  bool is_cancelled_ = false;  // the call that it runs
  RequestKey running_;         // no connection has the number zero
};

}  // namespace ipcbridge
