#include "core/workers/local_work.hpp"

namespace ipcbridge {
namespace {

thread_local LocalWork* current_work = nullptr;

}  // namespace

LocalWork* LocalWork::current() { return current_work; }

LocalWork::Doing::Doing(LocalWork& work) : before_(std::exchange(current_work, &work)) {}

LocalWork::Doing::~Doing() { current_work = before_; }

}  // namespace ipcbridge
