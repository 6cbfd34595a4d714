#include "core/workers/loop_reader.hpp"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>
#include <variant>

namespace ipcbridge {
namespace {

// What is read in a run, for which the loop's other work waits.
constexpr std::size_t kMostCalls = 256;

// How often a thread that leaves reads on because messages keep arriving, before the loop is to do it.
constexpr int kMaxLastReads = 16;

}  // namespace

void LoopReader::add_pool(ServerId server, std::vector<bool> methods, std::shared_ptr<HandlerPool> pool) {
  take_reading_back();
  pools_.insert_or_assign(server, Pooled{std::move(methods), std::move(pool)});
}

void LoopReader::remove_pool(ServerId server) {
  take_reading_back();
  pools_.erase(server);
}

bool LoopReader::run(Driver& driver) {
  take_reading_back();
  return std::exchange(is_read_, false) || read(driver, true);
}

bool LoopReader::spin(Driver& driver, const std::function<bool()>& stop) {
  take_reading_back();
  return has_calls() || is_read_ || (!threads_may_read() && driver.spin(stop));
}

bool LoopReader::prepare_sleep(Driver& driver) {
  take_reading_back();
  if (has_calls() || is_read_ || !driver.prepare_sleep()) return false;
  if (threads_may_read()) {
    batch_.reset();  // has been handled
    const std::lock_guard lock(reading_);
    lent_ = &driver;
    has_lent_ = true;
  }
  return true;
}

bool LoopReader::try_take_reading_back() {
  if (!has_lent_) return true;
  wanted_ = true;
  const std::unique_lock lock(reading_, std::try_to_lock);
  if (lock) end_lending();
  return lock.owns_lock();
}

void LoopReader::take_reading_back() {
  if (try_take_reading_back()) return;
  const std::lock_guard lock(reading_);
  end_lending();
}

void LoopReader::end_lending() {
  has_lent_ = false;
  wanted_ = false;
  lent_ = nullptr;
}

bool LoopReader::read_for(HandlerPool& pool) {
  const std::unique_lock lock(reading_, std::try_to_lock);
  if (!lock || lent_ == nullptr) return false;
  Driver& driver = *lent_;
  reads_for_ = &pool;
  driver.set_awake();
  bool found = true;
  try {
    found = read_until_found(driver, pool);
  } catch (const std::bad_alloc&) {
    return_reading(driver);
  }
  reads_for_ = nullptr;
  return found;
}

// Also frames of which nobody is told, a peer's pings say, may come without an end.
bool LoopReader::read_until_found(Driver& driver, const HandlerPool& pool) {
  // The loop may have pushed some before it lent the reading, and have called nobody because this thread was coming.
  const auto called_away = [&] { return wanted_ || pool.has_calls(); };
  bool found = false;
  do {
    read(driver, false);
    found = calls_read_ > 0;
    // What the kernel reports wakes the loop.
  } while (!found && !has_something_for_loop() && !called_away() && driver.spin(called_away));
  for (int reads = 0; reads < kMaxLastReads && !has_something_for_loop() && !wanted_; ++reads) {
    if (driver.prepare_sleep()) return found;
    read(driver, false);
    found = found || calls_read_ > 0;
  }
  return_reading(driver);
  return true;
}

// The loop is woken, because nothing is armed.
void LoopReader::return_reading(Driver& driver) {
  lent_ = nullptr;
  is_read_ = has_something_for_loop();
  driver.ring();
}

bool LoopReader::read(Driver& driver, bool poll) {
  batch_.reset();
  calls_read_ = 0;
  has_calls_for_others_ = false;
  const bool more = driver.run(*this, poll);
  give_up_lost(driver);
  for (const RequestKey& key : cancelled_) {
    driver.reply_error(key, Code::kCancelled, "the call was cancelled before it began", {});
    streams_.drop_arguments(key);
  }
  cancelled_.clear();
  return more;
}

void LoopReader::give_up_lost(Driver& driver) {
  if (!lost_) return;
  const LostStreams lost = *std::exchange(lost_, std::nullopt);
  for (std::uint64_t id = lost.streams.first; id < lost.streams.end(); ++id)
    driver.cancel_stream({lost.connection, id});
}

std::size_t LoopReader::room() const {
  if (lost_) return 0;
  return std::min(batch_.room(), kMostCalls - std::min(calls_read_, kMostCalls));
}

void LoopReader::on_event(const Event& event) {
  if (std::visit([this](const auto& kind) { return keep(kind); }, event)) {
    ++calls_read_;
  } else {
    calls_for_threads_ = 0;
    batch_.on_event(row_of(event));
  }
}

bool LoopReader::keep(const InboundCallEvent& event) {
  if (event.request.streams.count != 0) streams_.open_arguments(event.key, event.request.streams);
  InboundCall call(event);
  const auto found = pools_.find(event.server);
  if (found != pools_.end() && found->second.has(call.method)) {
    found->second.pool->push(std::move(call));
    has_calls_for_others_ = has_calls_for_others_ || found->second.pool.get() != reads_for_;
    calls_for_threads_ = std::min(calls_for_threads_ + 1, kThreadCallsInARow);
  } else {
    for_loop_.push(std::move(call));
    calls_for_threads_ = 0;
  }
  return true;
}

// A row of streams says only that there is something to take.
Event LoopReader::row_of(const Event& event) {
  if (const auto* items = std::get_if<StreamItemsEvent>(&event)) {
    streams_.put(*items);
    return StreamItemsEvent{items->stream, items->count, {}, nullptr};
  }
  if (const auto* end = std::get_if<StreamEndEvent>(&event)) {
    streams_.end(*end);
    return StreamEndEvent{end->stream, {}, nullptr};
  }
  if (const auto* outcome = std::get_if<OutcomeEvent>(&event)) return open_streams(*outcome);
  return event;
}

// Whoever handles the outcome takes its streams by their key. The Driver has forgotten the call by now: it has ended
// also where there is no memory for them.
OutcomeEvent LoopReader::open_streams(OutcomeEvent event) {
  const StreamRange streams = event.outcome.streams;
  if (streams.count == 0) return event;
  try {
    streams_.open_arguments({event.connection, streams.first}, streams);
  } catch (const std::bad_alloc&) {
    lost_ = LostStreams{event.connection, streams};
    event.outcome = {};
    event.outcome.code = Code::kResourceExhausted;
    event.outcome.sent_maybe = true;
    event.outcome.message = kOutOfMemory;
    event.storage = nullptr;
  }
  return event;
}

// Where there is no memory to find it, it runs all the same.
bool LoopReader::keep(const CancelEvent& event) {
  try {
    cancelled_.push_back(event.key);
  } catch (const std::bad_alloc&) {
    return false;
  }
  bool was_waiting = false;
  try {
    HandlerPool* const its = pool(event.server);
    was_waiting = for_loop_.cancel(event.key) || (its != nullptr && its->cancel(event.key));
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
  }
  if (!was_waiting) cancelled_.pop_back();
  return was_waiting;
}

// Where there is no memory for it they keep the place in the round that their connection had.
bool LoopReader::keep(const OrphansEvent& event) {
  try {
    for_loop_.end_connection(event.connection);
    if (HandlerPool* const its = pool(event.server)) its->end_connection(event.connection);
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
  }
  return true;
}

HandlerPool* LoopReader::pool(ServerId server) const {
  const auto found = pools_.find(server);
  return found == pools_.end() ? nullptr : found->second.pool.get();
}

}  // namespace ipcbridge
