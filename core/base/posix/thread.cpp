#include "core/base/thread.hpp"

#include <string>
#include <system_error>
#include <utility>

#include "core/base/posix/signals.hpp"

namespace ipcbridge {

Result<std::thread> start_thread(System& system, std::function<void()> body) {
  const SignalsBlocked signals_blocked;
  try {
    return system.start_thread(std::move(body));
  } catch (const std::system_error& error) {
    return Error{Code::kResourceExhausted, std::string("cannot start a thread: ") + error.what()};
  }
}

}  // namespace ipcbridge
