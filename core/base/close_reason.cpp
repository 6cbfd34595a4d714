#include "core/base/close_reason.hpp"

namespace ipcbridge {

CloseReason CloseReason::peer_gone() {
  return {Kind::kPeerGone, {Code::kUnavailable, "the peer closed the connection"}};
}

CloseReason CloseReason::peer_silent() { return {Kind::kPeerSilent, {Code::kUnavailable, kSilent}}; }

CloseReason CloseReason::peer_violation(const std::string& what) {
  return {Kind::kPeerViolation, {Code::kDataLoss, "the peer broke the protocol: " + what}};
}

CloseReason CloseReason::peer_foreign(const std::string& address) {
  return {Kind::kPeerForeign,
          {Code::kFailedPrecondition,
           "what listens at " + address + " is no ipcbridge service: it does not speak the protocol"}};
}

CloseReason CloseReason::out_of_resources(std::string what) {
  return {Kind::kOutOfResources, {Code::kResourceExhausted, std::move(what)}};
}

CloseReason CloseReason::goodbye() { return {Kind::kGoodbye, {Code::kUnavailable, "the service is closing"}}; }

}  // namespace ipcbridge
