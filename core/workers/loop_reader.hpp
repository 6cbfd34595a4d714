#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/endpoint/call_queue.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/event_batch.hpp"
#include "core/endpoint/events.hpp"
#include "core/workers/handler_pool.hpp"
#include "core/workers/stream_table.hpp"

namespace ipcbridge {

// Reads for an event loop that runs some handlers itself and leaves others to threads: calls of these go to the pool
// of their server. Those for the loop wait here until it takes them, and connections take turns; so it may stop at any
// of them without keeping a connection waiting for all that others have sent. Everything else is in a batch.
//
// Where one call after the other is for threads, the loop would have to wake a thread for each, which takes many times
// as long as the call. So it lends the reading, when it sleeps, to a thread that has nothing to run (the pattern
// Leader/Followers), and has it back as soon as it wants it, or there is something for it.
//
// Only on the loop's thread, unless said otherwise.
class LoopReader final : private EventSink {
 public:
  // Both outlive this. What arrives of streams goes to their queues in the table, and rows without bytes say so.
  LoopReader(EventBatch& batch, StreamTable& streams) : batch_(batch), streams_(streams) {}

  // `methods`: which the pool runs, by their numbers.
  void add_pool(ServerId server, std::vector<bool> methods, std::shared_ptr<HandlerPool> pool);
  void remove_pool(ServerId server);

  // Driver::run(…, true) with a batch that begins anew. What the pools have got is theirs to call somebody for.
  bool run(Driver& driver);
  // Whether the last run has read calls, or taken some back.
  bool has_read_calls() const { return calls_read_ > 0; }

  // Driver::spin() and Driver::prepare_sleep(), for a loop that may have left calls here.
  bool spin(Driver& driver, const std::function<bool()>& stop);
  bool prepare_sleep(Driver& driver);
  // No thread reads any more. Waits for one that does, which takes no longer than a run, and takes no lock that user
  // code can be under; false: there is one that has to be waited for. To be called before the Driver goes.
  void take_reading_back();
  [[nodiscard]] bool try_take_reading_back();

  // Of an idle thread of this pool: reads while the loop sleeps and messages keep coming. True when the thread is to
  // look for calls, and to ask again.
  bool read_for(HandlerPool& pool);

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
  // What goes into the batch.
  Event row_of(const Event& event);
  OutcomeEvent open_streams(OutcomeEvent event);
  HandlerPool* pool(ServerId server) const;

  bool read(Driver& driver, bool poll);
  void give_up_lost(Driver& driver);
  bool read_until_found(Driver& driver, const HandlerPool& pool);
  void end_lending();
  bool threads_may_read() const { return calls_for_threads_ == kThreadCallsInARow; }
  bool has_something_for_loop() const { return !batch_.empty() || has_calls() || has_calls_for_others_; }
  void return_reading(Driver& driver);

  EventBatch& batch_;
  StreamTable& streams_;
  CallQueue for_loop_;
  std::map<ServerId, Pooled> pools_;
  std::size_t calls_read_ = 0;         // by this run, or taken back
  std::vector<RequestKey> cancelled_;  // that were taken back by this run, which answers them

  // Of an answer, for which there was no memory: the run ends with it, and gives them up.
  struct LostStreams {
    std::uint64_t connection = 0;
    StreamRange streams;
  };
  std::optional<LostStreams> lost_;

  // How many calls in a row were for threads, and nothing else came.
  static constexpr std::uint32_t kThreadCallsInARow = 16;
  std::uint32_t calls_for_threads_ = 0;

  // Held by the thread that reads in the loop's place, whose everything here is meanwhile; and by the loop, to lend the
  // reading and to take it back.
  std::mutex reading_;
  Driver* lent_ = nullptr;  // while the loop sleeps
  const HandlerPool* reads_for_ = nullptr;
  bool has_calls_for_others_ = false;  // than the thread that reads
  bool is_read_ = false;               // a thread has read something for the loop
  std::atomic<bool> wanted_{false};    // by the loop
  bool has_lent_ = false;              // the loop's
};

}  // namespace ipcbridge
