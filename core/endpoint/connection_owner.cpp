#include "core/endpoint/connection.hpp"
#include "core/endpoint/context.hpp"

namespace ipcbridge {

void ConnectionOwner::take_reference_call(Session& session, std::uint64_t id, const Request& request,
                                          MessageStorage* storage) {
  const ServerId server = context_.references_server();
  if (server == 0) {
    session.reply_error(id, Code::kUnimplemented, true, "this side has no references", {});
    return;
  }
  const TimePoint received = request.timeout_us != 0 ? context_.now() : TimePoint{};
  context_.emit(InboundCallEvent{server, {session.number(), id}, request, storage, received});
}

void ConnectionOwner::cancel_reference_call(Session& session, std::uint64_t id) {
  context_.post(CancelEvent{context_.references_server(), {session.number(), id}});
}

// Where there is no memory to tell, it stays until it is released here.
void ConnectionOwner::on_reference_released(Session& /*session*/, std::uint64_t reference) {
  context_.post(ReferenceReleasedEvent{reference});
}

bool ConnectionOwner::on_stream_room(Session& session, std::uint64_t stream) {
  return context_.post(StreamRoomEvent{{session.number(), stream}});
}

// Where there is no memory to tell, whatever makes its items hears of it with the next that it sends.
void ConnectionOwner::on_stream_cancelled(Session& session, std::uint64_t stream) {
  context_.post(StreamCancelEvent{{session.number(), stream}});
}

void ConnectionOwner::on_stream_items(Session& session, std::uint64_t stream, std::uint32_t count, ConstBytes items,
                                      MessageStorage* storage) {
  context_.emit(StreamItemsEvent{{session.number(), stream}, count, items, storage});
}

void ConnectionOwner::on_stream_end(Session& session, std::uint64_t stream, const Outcome& outcome,
                                    MessageStorage* storage) {
  const StreamEndEvent event{{session.number(), stream}, outcome, storage};
  if (outcome.remote) {
    context_.emit(event);
  } else {
    context_.post(event);
  }
}

}  // namespace ipcbridge
