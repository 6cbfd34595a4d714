#pragma once

#include <memory>
#include <optional>
#include <string>

#include <napi.h>

#include "bindings/node/batch_sink.hpp"
#include "bindings/node/doorbell.hpp"
#include "bindings/node/request_table.hpp"
#include "core/endpoint/driver.hpp"

namespace ipcbridge::node {

// What belongs to one JavaScript environment (the main thread, or a worker): its Driver and the memory that
// it shares with JavaScript. Lives on that thread only.
class Environment final : public Drainer {
 public:
  explicit Environment(napi_env env);

  // Makes the Driver and the doorbell.
  Status start(Napi::Function on_batch, Napi::Object shared, bool own_thread);

  Driver& driver() { return *driver_; }
  Doorbell& doorbell() { return *doorbell_; }
  RequestTable& requests() { return requests_; }

  // The bytes that JavaScript has encoded, from `start`; nothing when they are not in the memory it registered.
  std::optional<ConstBytes> outgoing(std::uint32_t start, std::uint32_t size) const;
  void use_outgoing(napi_value bytes);

  // What the last method that failed said; JavaScript asks for it.
  Error last_error;

  bool drain(bool poll, TimePoint deadline) override;
  bool wants_alive() const override { return control_[kKeepAlive] > 0; }
  bool may_spin() const override { return control_[kNoSpin] == 0; }

 private:
  // Numbers that JavaScript sets and this side only reads.
  enum Control : std::size_t { kKeepAlive, kNoSpin, kControlCount };

  // False when JavaScript cannot run any more.
  bool deliver();
  // Null when there is no memory for them, or a worker is being terminated: an exception is then pending, if
  // JavaScript can run to see it.
  napi_value long_messages();

  napi_env env_;
  RequestTable requests_;
  BatchSink sink_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<Doorbell> doorbell_;
  Napi::FunctionReference on_batch_;
  Napi::Reference<Napi::Value> outgoing_keep_;
  MutableBytes outgoing_;
  Napi::ObjectReference shared_;
  std::span<const std::int32_t> control_;
  bool delivering_ = false;
};

}  // namespace ipcbridge::node
