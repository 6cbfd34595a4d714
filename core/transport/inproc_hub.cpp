#include "core/transport/inproc_hub.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "core/transport/inproc_channel.hpp"

namespace ipcbridge {
namespace {

// The names of a process are the process's: two Drivers on two threads must find each other.
struct Names {
  std::mutex mutex;
  std::map<std::string, InprocHub::Listener*> listeners;
};

Names& names() {
  static Names the_names;
  return the_names;
}

}  // namespace

InprocHub::Listener::~Listener() {
  const std::lock_guard lock(names().mutex);
  names().listeners.erase(name_);
}

std::unique_ptr<Channel> InprocHub::Listener::accept() {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  if (waiting_.size() <= 1) {
    [[maybe_unused]] const ssize_t got = ::read(bell_.get(), &count, sizeof count);
  }
  if (waiting_.empty()) return nullptr;
  std::unique_ptr<Channel> channel = std::move(waiting_.front());
  waiting_.pop_front();
  return channel;
}

Result<std::unique_ptr<InprocHub::Listener>> InprocHub::listen(System& system, const std::string& name) {
  Fd bell(system.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!bell.valid()) return Error{Code::kResourceExhausted, "cannot create an eventfd"};
  auto listener = std::make_unique<Listener>(name, std::move(bell));
  const std::lock_guard lock(names().mutex);
  if (!names().listeners.try_emplace(name, listener.get()).second) {
    listener->name_.clear();  // the name in the table is not this one's
    return Error{Code::kAlreadyExists, "this process already serves inproc://" + name};
  }
  return listener;
}

Result<std::unique_ptr<Channel>> InprocHub::connect(System& system, const std::string& name) {
  Result<InprocChannel::Pair> pair = InprocChannel::create(system);
  if (!pair.ok()) return pair.error();
  const std::lock_guard lock(names().mutex);
  const auto found = names().listeners.find(name);
  if (found == names().listeners.end()) return Error{Code::kUnavailable, "this process serves no inproc://" + name};
  Listener& listener = *found->second;
  const std::lock_guard queue(listener.mutex_);
  listener.waiting_.push_back(std::move(pair.value().first));
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(listener.bell_.get(), &one, sizeof one);
  return std::move(pair.value().second);
}

}  // namespace ipcbridge
