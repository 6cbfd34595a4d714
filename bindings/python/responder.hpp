#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>

#include <pybind11/pybind11.h>

#include "bindings/python/values/decoder.hpp"
#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/events.hpp"
#include "core/endpoint/inbound_call.hpp"

namespace ipcbridge::python {

// Answers the calls that a driver has read: the one of the blocking API, or that of an event loop. With the GIL.
class Responder {
 public:
  Responder() = default;
  virtual ~Responder() = default;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  // Nothing happens where the caller has gone meanwhile, or the driver, also by a fork. May throw bad_alloc.
  virtual void reply(const RequestKey& key, const Payload& payload) = 0;
  // With a result that carries so many streams: the key of the first, nothing when none has been opened. What makes
  // their items is resumed on a thread of that server's, by `method`'s kind.
  // `references`: that the result tells of.
  virtual std::optional<OpenedStreams> reply(const InboundCall& call, const Payload& payload, std::uint32_t streams,
                                             std::span<const std::uint64_t> references) = 0;
  virtual void reply_error(const RequestKey& key, Code code, std::string_view message, ConstBytes details) = 0;

  // Memory that whoever is at the other end of this connection sees.
  virtual Driver::Allocator allocator_for(std::uint64_t connection) = 0;

  // See Driver.
  virtual Result<StreamRoom> stream_room(const StreamKey& stream) = 0;
  virtual Result<StreamRoom> send_items(const StreamKey& stream, const Payload& body) = 0;
  virtual void end_stream(const StreamKey& stream, const Error* error, ConstBytes details) = 0;
  // Behind what else waits for that thread.
  virtual void resume_later(const StreamKey& stream) = 0;

  // The streams among a call's arguments: null without an exception set where there are none.
  virtual std::unique_ptr<StreamMaker> arguments_of(const InboundCall& call) = 0;

  // ipcbridge._native.StreamProducer objects, of streams that are open. Guarded by the GIL.
  using Producers = std::unordered_map<StreamKey, PyObject*, RequestKeyHash>;
  Producers& producers() { return producers_; }
  // What Python does about references (references.hpp); none has been met while it is empty. Guarded by the GIL.
  pybind11::object& reference_hooks() { return reference_hooks_; }

  // Whether it is known here that the caller has stopped waiting.
  virtual bool cancelled(const RequestKey& key) = 0;

 private:
  Producers producers_;
  pybind11::object reference_hooks_;
};

}  // namespace ipcbridge::python
