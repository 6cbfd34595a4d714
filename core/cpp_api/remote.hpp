#pragma once

#include <memory>

#include <ipcbridge/ipcbridge.hpp>

#include "core/cpp_api/engine.hpp"

namespace ipcbridge {

class Remote::Impl {
 public:
  // Waits until the service can be called.
  Impl(std::shared_ptr<Engine> engine, const std::string& address, const RemoteOptions& options);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Bytes call(std::string_view method, BytesView arguments, const RequestOptions& options);
  bool notify(std::string_view method, BytesView arguments, const RequestOptions& options);
  std::vector<std::string> methods() const;
  RemoteStatus status() const;
  void close();

 private:
  CallResult send(std::string_view method, BytesView arguments, const RequestOptions& options, bool notify);

  std::shared_ptr<Engine> engine_;
  ClientId id_;
};

}  // namespace ipcbridge
