#include "core/workers/local_work.hpp"

namespace ipcbridge {
namespace {

thread_local const LocalWork::Waiting* innermost_wait = nullptr;

}  // namespace

// Every call passes here, most without work, and what is of a thread takes a while to find.
LocalWork::Waiting::Waiting(LocalWork* work) : work_(work) {
  if (work != nullptr) outer_ = std::exchange(innermost_wait, this);
}

LocalWork::Waiting::~Waiting() {
  if (work_ != nullptr) innermost_wait = outer_;
}

const LocalWork::Waiting* LocalWork::Waiting::innermost() { return innermost_wait; }

}  // namespace ipcbridge
