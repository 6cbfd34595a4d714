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
  bool notify = false;                 // no answer is wanted
  std::uint64_t timeout_us = 0;        // until the caller's deadline, when the call was read; 0: no limit
  TimePoint received;                  // when it was read, if it has a timeout
  StreamRange streams;                 // among the arguments
  std::uint64_t reference = 0;         // that it calls, a function or object of this side's; 0: the service
  std::uint32_t reference_method = 0;  // of that: any number, which the peer has chosen
  bool resumes = false;                // no call: a stream that it began, whose key this has, may go on, or is over
  MessageStorage storage;
  ConstBytes payload;   // in storage; without the reference's id
  ConstBytes metadata;  // in storage

  Payload message() const { return {payload, storage.attachments}; }

  InboundCall() = default;
  // Takes the storage of the message where there is one, else copies the bytes.
  explicit InboundCall(const InboundCallEvent& event);
};

}  // namespace ipcbridge
