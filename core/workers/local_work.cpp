#include "core/workers/local_work.hpp"

namespace ipcbridge {
namespace {

thread_local const LocalWork::Waiting* innermost_wait = nullptr;

}  // namespace

LocalWork::Waiting::Waiting(LocalWork* work) : work_(work), outer_(innermost_wait) {
  if (work != nullptr) innermost_wait = this;
}

LocalWork::Waiting::~Waiting() { innermost_wait = outer_; }

const LocalWork::Waiting* LocalWork::Waiting::innermost() { return innermost_wait; }

}  // namespace ipcbridge
