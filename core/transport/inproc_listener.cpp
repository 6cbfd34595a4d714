#include "core/transport/inproc_listener.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "core/base/bell.hpp"
#include "core/base/per_process.hpp"
#include "core/transport/inproc_channel.hpp"

namespace ipcbridge {
namespace {

constexpr std::size_t kBacklog = 1024;

class InprocListener;

// The names of a process are the process's: two Drivers on two threads must find each other.
struct Names {
  std::mutex mutex;
  std::map<std::string, InprocListener*> listeners;
};

Names& names() {
  static PerProcess<Names> the_names;
  return the_names.get();
}

class InprocListener final : public Listener {
 public:
  InprocListener(std::string name, Bell bell) : name_(std::move(name)), bell_(std::move(bell)) {}

  ~InprocListener() override {
    const std::lock_guard lock(names().mutex);
    const auto found = names().listeners.find(name_);
    if (found != names().listeners.end() && found->second == this) names().listeners.erase(found);
  }

  int fd() const override { return bell_.fd(); }

  Result<std::unique_ptr<Channel>> accept() override {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() <= 1) bell_.silence();
    if (waiting_.empty()) return std::unique_ptr<Channel>();
    std::unique_ptr<Channel> channel = std::move(waiting_.front());
    waiting_.pop_front();
    return channel;
  }

  // False when too many wait.
  bool enqueue(std::unique_ptr<Channel> channel) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() == kBacklog) return false;
    waiting_.push_back(std::move(channel));
    bell_.ring();
    return true;
  }

 private:
  std::string name_;
  Bell bell_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<Channel>> waiting_;
};

}  // namespace

Result<std::unique_ptr<Listener>> listen_inproc(System& system, const std::string& name) {
  Result<Bell> bell = Bell::create(system);
  if (!bell.ok()) return bell.error();
  auto listener = std::make_unique<InprocListener>(name, std::move(bell).value());
  const std::lock_guard lock(names().mutex);
  if (!names().listeners.try_emplace(name, listener.get()).second) {
    // Its destructor takes the same lock, after this one is free.
    return Error{Code::kAlreadyExists, "this process already serves inproc://" + name};
  }
  return std::unique_ptr<Listener>(std::move(listener));
}

Connector::Outcome connect_inproc(System& system, const std::string& name) {
  Result<InprocChannel::Pair> pair = InprocChannel::create(system);
  if (!pair.ok()) return pair.error();
  const std::lock_guard lock(names().mutex);
  const auto found = names().listeners.find(name);
  if (found == names().listeners.end()) return Error{Code::kUnavailable, "this process serves no inproc://" + name};
  if (!found->second->enqueue(std::move(pair.value().first))) {
    return Error{Code::kUnavailable, "too many wait for inproc://" + name + " already"};
  }
  return std::move(pair.value().second);
}

}  // namespace ipcbridge
