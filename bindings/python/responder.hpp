#pragma once

#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/endpoint/events.hpp"

namespace ipcbridge::python {

// Answers the calls that a driver has read: the one of the blocking API, or that of an event loop. With the GIL.
class Responder {
 public:
  Responder() = default;
  virtual ~Responder() = default;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  // Nothing happens where the caller has gone meanwhile, or the driver, also by a fork. May throw bad_alloc.
  virtual void reply(const RequestKey& key, ConstBytes payload) = 0;
  virtual void reply_error(const RequestKey& key, Code code, std::string_view message, ConstBytes details) = 0;

  // Whether it is known here that the caller has stopped waiting.
  virtual bool cancelled(const RequestKey& key) = 0;
};

}  // namespace ipcbridge::python
