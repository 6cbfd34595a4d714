#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/transport/channel.hpp"

namespace ipcbridge {

// Where the inproc:// services of this process wait for connections. Any thread.
class InprocHub {
 public:
  class Listener {
   public:
    explicit Listener(std::string name, Fd bell) : name_(std::move(name)), bell_(std::move(bell)) {}
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    int fd() const { return bell_.get(); }
    std::unique_ptr<Channel> accept();

   private:
    friend class InprocHub;
    std::string name_;
    Fd bell_;
    std::mutex mutex_;
    std::deque<std::unique_ptr<Channel>> waiting_;
  };

  // already_exists when the name is taken.
  static Result<std::unique_ptr<Listener>> listen(System& system, const std::string& name);
  // unavailable when nobody listens.
  static Result<std::unique_ptr<Channel>> connect(System& system, const std::string& name);
};

}  // namespace ipcbridge
