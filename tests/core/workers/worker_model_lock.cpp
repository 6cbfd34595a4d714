#include "tests/core/workers/worker_model_lock.hpp"

#include <algorithm>
#include <utility>

namespace ipcbridge::worker_model {
namespace {

constexpr std::uint8_t kFastTicks = 2;

bool is_busy(const Thread& worker) { return worker.work >= Work::kComing; }

bool wake_waiter(Thread& waiter, Word why) {
  if (waiter.word != Word::kAsleep) return false;
  waiter.word = why;
  return true;
}

}  // namespace

void Locked::wake_needed() {
  const bool attended = s_.held || (has_leader() && !(s_.leader_asleep && is_unattended()));
  const bool calls = s_.queued[0] + s_.queued[1] != 0;
  if (calls || s_.dismissals || !attended) arrange();
  settle_watchdog();
}

void Locked::arrange() {
  s_.unsettled_calls = false;
  if (std::exchange(s_.dismissals, false)) wake_dismissed();
  bool expected = false;
  for (std::size_t server = 0; server < model_.servers; ++server) {
    expected = expects_worker(server) || (wants_worker(server) && call_worker(server)) || expected;
  }
  if (s_.held || expected || call_reader()) return;
  if (is(Mutation::kWatchdogNotCalled)) return;
  if (call_watchdog()) s_.attended = true;
}

bool Locked::call_worker(std::size_t server) {
  if (is(Mutation::kFollowerNotCalled)) return false;
  if (const Id follower = last_follower(server); follower != kNobody) {
    wake(follower);
    return true;
  }
  if (!has_leader() || server_of(s_.leader) != server) return false;
  if (s_.leader_asleep) expect(s_.leader);
  wake_leader();
  return true;
}

bool Locked::call_reader() {
  if (has_leader()) {
    if (s_.leader_asleep && is_unattended()) {
      wake_leader();
      s_.attended = true;
    }
    return true;
  }
  const Id leader = next_leader();
  if (leader == kNobody) return false;
  wake(leader);
  return true;
}

// Of the kind that is to lead, if there is one.
Id Locked::next_leader() const {
  Id found = kNobody;
  for (Id worker = kFirstWorker; worker < kWatchdog; ++worker) {
    if (!s_.threads[worker].following) continue;
    if (found == kNobody || is_loop(model_, worker) == s_.for_loop) found = worker;
  }
  return found;
}

Id Locked::last_follower(std::size_t server) const {
  for (Id worker = kFirstWorker; worker < kWatchdog; ++worker) {
    if (s_.threads[worker].following && server_of(worker) == server) return worker;
  }
  return kNobody;
}

void Locked::wake(Id follower) {
  s_.threads[follower].following = false;
  expect(follower);
  const bool woken = wake_waiter(s_.threads[follower], Word::kPromoted);
  if (woken && is_loop(model_, follower) && !is(Mutation::kLoopBellNotRung)) s_.loop_bell = true;
}

void Locked::wake_leader() {
  if (!std::exchange(s_.leader_asleep, false)) return;
  (is_loop(model_, s_.leader) && !is(Mutation::kLoopLeaderMistaken) ? s_.loop_bell : s_.leader_bell) = true;
}

void Locked::wake_dismissed() {
  if (is(Mutation::kDismissedNotWoken)) return;
  for (Id worker = kFirstWorker; worker < kWatchdog; ++worker) {
    if (s_.threads[worker].following && is_dismissed(worker)) wake(worker);
  }
  if (has_leader() && is_dismissed(s_.leader)) wake_leader();
}

void Locked::settle_watchdog() {
  if (s_.watching == Watching::kAwake) return;
  const bool relieved = s_.watching == Watching::kReading && has_idle_worker();
  const bool unseen = !s_.has_timer && s_.unseen_starts && !is(Mutation::kWatchdogSleepsOverCalls);
  if (relieved || unseen) wake_watchdog();
}

bool Locked::call_watchdog() {
  if (s_.watching == Watching::kReading && !is_unattended()) return false;
  wake_watchdog();
  return true;
}

void Locked::wake_watchdog() {
  if (s_.watching == Watching::kAwake) return;
  s_.watching = Watching::kAwake;
  s_.watchdog_bell = true;
}

bool Locked::try_take(Id thread) {
  if (s_.held) return false;
  s_.held = true;
  s_.threads[thread].reading = true;
  return true;
}

void Locked::pass_on(Id thread, bool armed) {
  s_.threads[thread].reading = false;
  s_.held = false;
  s_.attended = armed;
  while (!s_.held && s_.line[0] != kNobody) {
    const Id next = s_.line[0];
    leave_line(next);
    s_.held = wake_waiter(s_.threads[next], Word::kPromoted) || is(Mutation::kPromotedAlthoughDone);
  }
}

void Locked::line_up(Id waiter) { *std::find(s_.line.begin(), s_.line.end(), kNobody) = waiter; }

void Locked::leave_line(Id waiter) {
  std::fill(std::remove(s_.line.begin(), s_.line.end(), waiter), s_.line.end(), kNobody);
}

void Locked::recheck_conditions() {
  if (is(Mutation::kLookersNotWoken) || model_.caller != Caller::kWaitsForEvent) return;
  const bool lined_up = std::find(s_.line.begin(), s_.line.end(), kCaller) != s_.line.end();
  if (lined_up) wake_waiter(s_.threads[kCaller], Word::kCheckAgain);
}

void Locked::tell_observer() {
  if (model_.caller == Caller::kWaitsForEvent) s_.threads[kCaller].missed_event = true;
  recheck_conditions();
}

void Locked::push(std::size_t server) {
  add(s_.queued[server], 1);
  s_.unsettled_calls = true;
}

void Locked::expect(Id worker) {
  Thread& self = s_.threads[worker];
  self.work = Work::kComing;
  self.age = 0;
  self.left_alone = false;
}

void Locked::finish(Id worker) {
  Thread& self = s_.threads[worker];
  if (is_busy(self)) self.work = Work::kIdle;
  self.age = 0;
  self.left_alone = false;
}

bool Locked::reserve(Id worker) {
  if (!has_call(worker)) {
    finish(worker);
    return false;
  }
  expect(worker);
  s_.unseen_starts = true;
  return true;
}

bool Locked::take(Id worker) {
  finish(worker);
  if (!has_call(worker)) {
    expect(worker);
    return false;
  }
  add(s_.queued[server_of(worker)], -1);
  s_.threads[worker].work = Work::kRunning;
  s_.unseen_starts = true;
  return true;
}

void Locked::expect_back(Id worker) {
  expect(worker);
  if (!is(Mutation::kLoopUnseen)) s_.unseen_starts = true;
}

void Locked::note_answered(Id worker) {
  finish(worker);
  s_.threads[worker].work = Work::kAnswered;
  s_.unseen_starts = true;
}

void Locked::dismiss() {
  s_.dismissed = true;
  s_.dismissals = true;
}

bool Locked::is_for_loop_to_lead() const {
  const Thread& loop = s_.threads[kFirstWorker + 1];
  const bool stuck = is_busy(loop) && loop.age >= kFastTicks && !is(Mutation::kStuckLoopLeads);
  return model_.loop && s_.for_loop && !stuck;
}

bool Locked::is_for_thread_to_lead() const { return model_.loop && !s_.for_loop && s_.threads[kFirstWorker].following; }

void Locked::stop() {
  s_.stopping = true;
  s_.dismissals = true;
}

void Locked::note_closed() {
  s_.over = true;
  erase_if_over();
}

void Locked::erase_if_over() {
  if (!s_.over || has_workers()) return;
  s_.queued[0] = 0;
  s_.stopping = false;
  s_.over = false;
}

bool Locked::has_workers() const {
  for (Id worker = kFirstWorker; worker < kWatchdog; ++worker) {
    if (s_.threads[worker].work != Work::kNone && server_of(worker) == 0) return true;
  }
  return false;
}

void Locked::stop_leading() {
  s_.leader = kNobody;
  s_.leader_asleep = false;
}

void Locked::follow(Id worker) {
  s_.threads[worker].word = Word::kAsleep;
  s_.threads[worker].following = true;
}

bool Locked::has_idle_worker() const {
  return has_leader() ||
         std::any_of(s_.threads.begin(), s_.threads.end(), [](const Thread& thread) { return thread.following; });
}

bool Locked::expects_worker() const { return expects_worker(0) || (model_.servers == 2 && expects_worker(1)); }

bool Locked::expects_worker(std::size_t server) const {
  for (Id worker = kFirstWorker; worker < kWatchdog; ++worker) {
    const Thread& thread = s_.threads[worker];
    if (!is_busy(thread) || server_of(worker) != server) continue;
    const bool is_stuck = thread.age >= kFastTicks && !is(Mutation::kStuckExpected);
    if (!is_stuck && !thread.left_alone) return true;
  }
  return false;
}

bool Locked::wants_worker(std::size_t server) const {
  int coming = 0;
  for (Id worker = kFirstWorker; worker < kWatchdog; ++worker) {
    if (server_of(worker) == server && s_.threads[worker].work == Work::kComing) ++coming;
  }
  return s_.queued[server] > coming;
}

bool Locked::tick() {
  bool wanted = false;
  for (Thread& thread : s_.threads) {
    if (!is_busy(thread)) continue;
    if (thread.age < kFastTicks) add(thread.age, 1);
    wanted = wanted || thread.age < kFastTicks;
  }
  return wanted;
}

void Locked::fall_asleep(Watching how, bool has_timer) {
  s_.watching = how;
  s_.has_timer = has_timer;
  s_.unseen_starts = false;
}

}  // namespace ipcbridge::worker_model
