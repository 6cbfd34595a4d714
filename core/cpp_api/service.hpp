#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <ipcbridge/ipcbridge.hpp>

#include "core/cpp_api/engine.hpp"

namespace ipcbridge {

class Service::Impl {
 public:
  // Returns when clients can connect.
  Impl(std::shared_ptr<Engine> engine, const std::string& address, Methods methods, const ServiceOptions& options);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void close(Duration grace);
  void wait();
  ServiceStatus status() const;

 private:
  ServerId listen(const std::string& address, const ServiceOptions& options);
  void start_threads(unsigned count);
  void end_threads();
  void work();
  void answer(const InboundCall& call);

  std::shared_ptr<Engine> engine_;
  Methods methods_;
  std::vector<Methods::const_iterator> by_number_;
  std::function<void(std::string_view, std::string_view)> on_error_;
  ServerId id_;
  std::mutex ending_;
  std::vector<std::thread> threads_;
  std::vector<std::thread::id> thread_ids_;  // never changes, so that it can be read while others join
};

}  // namespace ipcbridge
