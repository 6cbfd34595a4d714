#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/endpoint/events.hpp"

namespace ipcbridge {

// A call that a handler is to answer, with its bytes.
struct InboundCall {
  RequestKey key;
  ServerId server = 0;
  std::uint32_t method = 0;
  bool notify = false;           // no answer is wanted
  std::uint64_t timeout_us = 0;  // until the caller's deadline, when the call was read; 0: no limit
  TimePoint received;            // when it was read, if it has a timeout
  StreamRange streams;           // among the arguments
  bool to_reference = false;     // the payload begins with the id of what is called
  bool resumes = false;          // no call: a stream that it began, whose key this has, may go on, or is over
  Buffer storage;
  ConstBytes payload;   // in storage
  ConstBytes metadata;  // in storage

  InboundCall() = default;
  // Takes the storage of the message where there is one, else copies the bytes.
  explicit InboundCall(const InboundCallEvent& event);
};

}  // namespace ipcbridge
