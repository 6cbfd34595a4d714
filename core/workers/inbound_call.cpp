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
  call.store(event.request.payload, event.request.metadata);
  return call;
}

void InboundCall::store(ConstBytes payload_bytes, ConstBytes metadata_bytes) {
  storage.reserve(payload_bytes.size() + metadata_bytes.size());
  append(storage, payload_bytes);
  append(storage, metadata_bytes);
  payload = ConstBytes(storage).first(payload_bytes.size());
  metadata = ConstBytes(storage).subspan(payload_bytes.size());
}

}  // namespace ipcbridge
