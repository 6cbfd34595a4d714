#include "core/endpoint/inbound_call.hpp"

#include <utility>

namespace ipcbridge {

InboundCall::InboundCall(const InboundCallEvent& event)
    : key(event.key),
      server(event.server),
      method(event.request.method),
      notify(event.request.notify),
      timeout_us(event.request.timeout_us),
      received(event.received),
      streams(event.request.streams) {
  Request request = event.request;
  keep_bytes(request, storage, event.storage);
  payload = request.payload;
  metadata = request.metadata;
  if (!event.request.to_reference) return;
  reference = load<std::uint64_t>(payload.data());
  reference_method = std::exchange(method, 0);
  payload = payload.subspan(sizeof reference);
}

}  // namespace ipcbridge
