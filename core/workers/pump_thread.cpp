#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/fork.hpp"
#include "core/base/futex.hpp"
#include "core/base/signals.hpp"
#include "core/workers/pump_impl.hpp"

namespace ipcbridge {

Pump::Impl::Impl(std::unique_ptr<Driver> driver, Observer observer)
    : driver_(std::move(driver)), observer_(std::move(observer)), generation_(fork_guard::generation()) {}

Status Pump::Impl::start(System& system) {
  background_ = Fd(system.epoll_create1(EPOLL_CLOEXEC));
  nudge_ = Fd(system.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!background_.valid() || !nudge_.valid()) {
    return Error{Code::kResourceExhausted, std::string("cannot create the event descriptors: ") + std::strerror(errno)};
  }
  for (const int fd : {driver_->fd(), nudge_.get()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (system.epoll_ctl(background_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return Error{Code::kResourceExhausted,
                   std::string("cannot watch the event descriptors: ") + std::strerror(errno)};
    }
  }
  const SignalsBlocked signals_blocked;
  try {
    own_thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return Error{Code::kResourceExhausted, std::string("cannot start a thread: ") + error.what()};
  }
  return {};
}

Pump::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_own_thread();
  }
  nudge_background();
  if (own_thread_.joinable()) own_thread_.join();
}

void Pump::Impl::nudge_background() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(nudge_.get(), &one, sizeof one);
}

void Pump::Impl::wake_own_thread() {
  own_rests_ = false;
  own_word_.fetch_add(1);
  futex_wake_one(own_word_);
  if (own_reading_) nudge_background();
}

// True when the Driver has something to read. Not `woken`: a signal arrived, or the time is over.
bool Pump::Impl::wait_in_background(TimePoint until, bool& woken) {
  std::array<epoll_event, 2> events{};
  const int count =
      ::epoll_wait(background_.get(), events.data(), static_cast<int>(events.size()), poll_timeout(until));
  woken = count > 0;
  bool readable = false;
  for (int i = 0; i < count; ++i) {
    if (events.at(static_cast<std::size_t>(i)).data.fd != nudge_.get()) {
      readable = true;
      continue;
    }
    std::uint64_t value = 0;
    [[maybe_unused]] const ssize_t got = ::read(nudge_.get(), &value, sizeof value);
  }
  return readable;
}

// Nobody else will read soon: there is no idle worker, and those that work have been at it for long.
bool Pump::Impl::must_read() const {
  if (leading_ || !followers_.empty()) return false;
  return std::all_of(queues_.begin(), queues_.end(),
                     [this](const auto& entry) { return entry.second.all_stuck(ticks_); });
}

// True when a handler runs that the callers may have to be told of: it has been seen by this tick, and not told of by
// `told`.
bool Pump::Impl::tick(TimePoint told) {
  ++ticks_;
  const TimePoint now = Clock::now();
  bool wanted = false;
  for (auto& [server, queue] : queues_) {
    queue.note_time(now);
    wanted = wanted || queue.wants_ticks(told);
  }
  return wanted;
}

// The callers see it in shared memory; each server's connections are written to once a tick at the most. Gives the lock
// up: the Driver's comes first. Gives the time of which they are told.
TimePoint Pump::Impl::tell_activities(Lock& lock) {
  const TimePoint now = Clock::now();
  std::vector<std::pair<ServerId, std::optional<shm::Activity>>> news;
  for (auto& [server, queue] : queues_) {
    if (queue.update_activity(now)) news.emplace_back(server, queue.activity());
  }
  if (news.empty()) return now;
  lock.unlock();
  for (const auto& [server, activity] : news) driver_->tell_activity(server, activity);
  lock.lock();
  return now;
}

// A handler takes long, or a worker is kept from coming: what waits behind it is for idle workers, and where nobody
// leads, one of them takes over. True when there is such a worker.
bool Pump::Impl::watch() {
  for (const auto& [server, queue] : queues_) {
    if (!queue.wants_worker() || !queue.any_stuck(ticks_)) continue;
    call_worker(server);
  }
  const bool stuck =
      std::any_of(queues_.begin(), queues_.end(), [this](const auto& entry) { return entry.second.any_stuck(ticks_); });
  if (!stuck) return false;
  wake_deaf_leader();
  if (!leading_) promote_follower(0);
  return true;
}

void Pump::Impl::read_in_background(Lock& lock, TimePoint until) {
  own_reading_ = true;
  // Whoever read last may have left without arming.
  bool read = !reading_;
  if (read) reading_ = true;
  lock.unlock();
  if (read) {
    turn(true);
    stop_reading();
  }
  bool woken = false;
  const bool readable = wait_in_background(until, woken);
  lock.lock();
  own_reading_ = false;
  // The nudge may have been meant for the leader, and one of two sleepers takes it.
  if (leading_) nudge_background();
  if (!readable) return;
  if (reading_) {
    set_background_interest(false);
    return;
  }
  reading_ = true;
  lock.unlock();
  while (turn(true) && sleeper_count_.load(std::memory_order_relaxed) == 0) {
  }
  stop_reading();
  lock.lock();
}

void Pump::Impl::run() {
  Lock lock(mutex_);
  std::uint64_t taken = 0;
  for (;;) {
    const TimePoint told = tell_activities(lock);
    if (stopping_) return;
    const bool wanted = tick(told);
    if (must_read()) {
      pace_ = {};
      own_rests_ = !wanted;
      read_in_background(lock, wanted ? Clock::now() + WatchPace::kTick : kNever);
      own_rests_ = false;
      continue;
    }
    const bool slow = watch();
    const std::optional<Duration> pause =
        pace_.after({.wanted = wanted, .taken = taken != taken_, .slow = slow, .begun = has_just_begun()});
    taken = taken_;
    own_rests_ = !pause;
    const TimePoint until = pause ? Clock::now() + *pause : kNever;
    const std::uint32_t word = own_word_.load();
    lock.unlock();
    futex_wait(own_word_, word, until);
    lock.lock();
    own_rests_ = false;
  }
}

}  // namespace ipcbridge
