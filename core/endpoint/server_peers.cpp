// Server: those who are connected, as sides to call.
#include "core/endpoint/server.hpp"

namespace ipcbridge {

std::vector<std::uint64_t> Server::peers() const {
  std::vector<std::uint64_t> open;
  for (const Connection* connection : connections_) {
    if (connection->is_open() && !connection->closed()) open.push_back(connection->id());
  }
  return open;
}

// Null when nobody calls over it, so that there is nothing to be told.
ConnectionOwner* Server::caller_of(const Session& session) const {
  const Connection* connection = context().connection(session.number());
  return connection == nullptr ? nullptr : connection->caller;
}

void Server::on_outcome(Session& session, std::uint64_t token, const Outcome& outcome, MessageStorage* storage) {
  if (ConnectionOwner* caller = caller_of(session)) caller->on_outcome(session, token, outcome, storage);
}

void Server::on_unsent(Session& session, std::uint64_t token, const Request& request, bool begun,
                       const CloseReason& why) {
  if (ConnectionOwner* caller = caller_of(session)) caller->on_unsent(session, token, request, begun, why);
}

void Server::on_streams_open(Session& session, std::uint64_t token, const StreamRange& streams) {
  if (ConnectionOwner* caller = caller_of(session)) caller->on_streams_open(session, token, streams);
}

void Server::on_room(Connection& connection) {
  if (connection.caller != nullptr) connection.caller->on_room(connection);
}

}  // namespace ipcbridge
