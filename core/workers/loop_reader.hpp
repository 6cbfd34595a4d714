#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/endpoint/call_queue.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/event_batch.hpp"
#include "core/endpoint/events.hpp"
#include "core/workers/handler_pool.hpp"

namespace ipcbridge {

// Reads for an event loop that runs some handlers itself and leaves others to threads: calls of these go to the pool
// of their server. Those for the loop wait here until it takes them, and connections take turns; so it may stop at any
// of them without keeping a connection waiting for all that others have sent. Everything else is in a batch. Only on
// the loop's thread.
class LoopReader final : private EventSink {
 public:
  // The batch outlives this.
  explicit LoopReader(EventBatch& batch) : batch_(batch) {}

  // `methods`: which the pool runs, by their numbers.
  void add_pool(ServerId server, std::vector<bool> methods, std::shared_ptr<HandlerPool> pool);
  void remove_pool(ServerId server);

  // Driver::run(…, true) with a batch that begins anew. What the pools have got is theirs to call somebody for.
  bool run(Driver& driver);
  // Whether the last run has read calls, or taken some back.
  bool has_read_calls() const { return calls_read_ > 0; }

  // Driver::spin() and Driver::prepare_sleep(), for a loop that may have left calls here.
  bool spin(Driver& driver, const std::function<bool()>& stop) { return has_calls() || driver.spin(stop); }
  bool prepare_sleep(Driver& driver) { return !has_calls() && driver.prepare_sleep(); }

  // The next call for the loop itself.
  bool take(InboundCall& call) { return for_loop_.pop(call); }
  bool has_calls() const { return !for_loop_.empty(); }

 private:
  struct Pooled {
    std::vector<bool> methods;
    std::shared_ptr<HandlerPool> pool;

    bool has(std::uint32_t method) const { return method < methods.size() && methods[method]; }
  };

  std::size_t room() const override;
  void on_event(const Event& event) override;
  // Whether it concerns calls that wait, and nobody else is to be told.
  template <typename Other>
  bool keep(const Other&) {
    return false;
  }
  bool keep(const InboundCallEvent& event);
  bool keep(const CancelEvent& event);
  bool keep(const OrphansEvent& event);
  HandlerPool* pool(ServerId server) const;

  EventBatch& batch_;
  CallQueue for_loop_;
  std::map<ServerId, Pooled> pools_;
  std::size_t calls_read_ = 0;         // by this run, or taken back
  std::vector<RequestKey> cancelled_;  // that were taken back by this run, which answers them
};

}  // namespace ipcbridge
