#include "core/workers/reader_token.hpp"

#include <utility>

namespace ipcbridge {

bool ReaderToken::try_take() { return !std::exchange(held_, true); }

void ReaderToken::pass_on(bool armed) {
  held_ = false;
  attended_ = armed;
  while (!held_ && first_ != nullptr) {
    Waiter& next = *first_;
    leave_line(next);
    held_ = next.wake(Waiter::kPromoted);
  }
}

void ReaderToken::line_up(Waiter& waiter) {
  waiter.before_ = last_;
  waiter.behind_ = nullptr;
  (last_ == nullptr ? first_ : last_->behind_) = &waiter;
  last_ = &waiter;
  waiter.in_line_ = true;
  count(1);
}

void ReaderToken::leave_line(Waiter& waiter) {
  if (!std::exchange(waiter.in_line_, false)) return;
  (waiter.before_ == nullptr ? first_ : waiter.before_->behind_) = waiter.behind_;
  (waiter.behind_ == nullptr ? last_ : waiter.behind_->before_) = waiter.before_;
  count(-1);
}

void ReaderToken::recheck_conditions() {
  for (Waiter* waiter = first_; waiter != nullptr; waiter = waiter->behind_) {
    if (waiter->is_for_condition()) waiter->wake(Waiter::kCheckAgain);
  }
}

}  // namespace ipcbridge
