#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <ipcbridge/defaults.hpp>

#include "core/base/thread.hpp"
#include "core/doctor/checks.hpp"
#include "core/doctor/counted.hpp"
#include "core/doctor/remedy.hpp"

namespace ipcbridge::doctor {

Finding check_threads(System& system) {
  constexpr const char* kCheck = "threads";
  std::latch end(1);  // they live together, as those of a service do: limits are of those that are alive
  std::vector<std::thread> threads;
  threads.reserve(defaults::kThreads);
  Status status;
  while (threads.size() < defaults::kThreads && status.ok()) {
    Result<std::thread> thread = start_thread(system, [&end] { end.wait(); });
    if (thread.ok()) {
      threads.push_back(std::move(thread).value());
    } else {
      status = thread.error();
    }
  }
  end.count_down();
  for (std::thread& thread : threads) thread.join();
  if (status.ok()) return ok(kCheck, counted(defaults::kThreads, "more thread") + " can be started");
  return fault(kCheck, "after " + counted(threads.size(), "thread") + ": " + status.error().message,
               raise_threads() + "; or serve with fewer threads");
}

}  // namespace ipcbridge::doctor
