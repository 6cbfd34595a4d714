#include "core/workers/reader_token.hpp"

#include <utility>

namespace ipcbridge {

bool ReaderToken::try_take() { return !std::exchange(held_, true); }

void ReaderToken::pass_on(bool armed) {
  held_ = false;
  attended_ = armed;
  while (!held_ && !line_.empty()) {
    Waiter& next = *line_.front();
    line_.pop_front();
    held_ = next.wake(Waiter::kPromoted);
  }
  note_length();
}

void ReaderToken::line_up(Waiter& waiter) {
  line_.push_back(&waiter);
  note_length();
}

void ReaderToken::leave_line(Waiter& waiter) {
  std::erase(line_, &waiter);
  note_length();
}

void ReaderToken::wake_lookers() {
  for (Waiter* waiter : line_) {
    if (waiter->looks()) waiter->wake(Waiter::kLookAgain);
  }
}

}  // namespace ipcbridge
