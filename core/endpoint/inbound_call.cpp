#include "core/endpoint/inbound_call.hpp"

namespace ipcbridge {

InboundCall::InboundCall(ServerId server_id, const RequestKey& request_key, Request request, Buffer* of_message)
    : key(request_key),
      server(server_id),
      method(request.method),
      notify(request.notify),
      timeout_us(request.timeout_us) {
  if (timeout_us != 0) received = Clock::now();
  keep_bytes(request, storage, of_message);
  payload = request.payload;
  metadata = request.metadata;
}

}  // namespace ipcbridge
