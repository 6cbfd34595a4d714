#include "core/workers/inbound_call.hpp"

#include <utility>

namespace ipcbridge {

InboundCall InboundCall::take(const InboundCallEvent& event) {
  InboundCall call;
  call.key = event.key;
  call.server = event.server;
  call.method = event.request.method;
  call.notify = event.request.notify;
  call.timeout_us = event.request.timeout_us;
  if (call.timeout_us != 0) call.received = Clock::now();
  if (event.storage != nullptr) {
    call.storage = std::move(*event.storage);
    call.payload = event.request.payload;
    call.metadata = event.request.metadata;
    return call;
  }
  const std::size_t payload_bytes = event.request.payload.size();
  call.storage.reserve(payload_bytes + event.request.metadata.size());
  append(call.storage, event.request.payload);
  append(call.storage, event.request.metadata);
  call.payload = ConstBytes(call.storage).first(payload_bytes);
  call.metadata = ConstBytes(call.storage).subspan(payload_bytes);
  return call;
}

}  // namespace ipcbridge
