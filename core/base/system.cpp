#include "core/base/system.hpp"

#include <utility>

namespace ipcbridge {

TimePoint System::now() { return Clock::now(); }
std::thread System::start_thread(std::function<void()> body) { return std::thread(std::move(body)); }

System& System::real() {
  static System system;
  return system;
}

}  // namespace ipcbridge
