#include "core/endpoint/events.hpp"

namespace ipcbridge {

std::string_view state_name(ClientState state) {
  switch (state) {
    case ClientState::kConnecting:
      return "connecting";
    case ClientState::kReady:
      return "ready";
    case ClientState::kReconnecting:
      return "reconnecting";
    case ClientState::kDisconnected:
      return "disconnected";
    case ClientState::kClosed:
      return "closed";
  }
  return "closed";
}

std::string_view state_name(ServerState state) {
  switch (state) {
    case ServerState::kStarting:
      return "starting";
    case ServerState::kListening:
      return "listening";
    case ServerState::kClosing:
      return "closing";
    case ServerState::kClosed:
      return "closed";
  }
  return "closed";
}

}  // namespace ipcbridge
