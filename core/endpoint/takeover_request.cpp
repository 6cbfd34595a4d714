#include "core/endpoint/takeover_request.hpp"

#include <optional>
#include <utility>

#include "core/transport/admission.hpp"

namespace ipcbridge {

void TakeoverRequest::ask() {
  if (answered_ || dial_ || connection_ != nullptr) return;
  dial_ = context().dial(address_, *this);
  on_dial_ready(dial_->id());
}

void TakeoverRequest::on_dial_ready(std::uint64_t) {
  std::optional<Connector::Outcome> outcome = dial_->advance();
  if (!outcome) return;
  dial_.reset();
  if (outcome->ok()) ask_over(std::move(*outcome).value());
}

// Whoever may serve here may ask.
void TakeoverRequest::ask_over(std::unique_ptr<Channel> channel) {
  if (!Admission(context().known_ids(), {}).admit(channel->peer()).ok()) return;
  ConnectionSetup setup;
  setup.hello.nonce = context().nonce();
  setup.hello.optional_features = feature::kReplace;
  connection_ = context().open_connection(std::move(channel), Session::Side::kConnector, *this, setup);
  if (connection_ != nullptr) connection_->start();
}

void TakeoverRequest::withdraw() {
  dial_.reset();
  if (connection_ != nullptr) connection_->close(CloseReason::owner({Code::kCancelled, "the request is withdrawn"}));
}

// It goes on although the other has said HELLO: its answer comes later.
Status TakeoverRequest::judge(Connection&, const Hello&) { return {}; }

void TakeoverRequest::on_request(Session& session, std::uint64_t id, const Request&, MessageStorage*) {
  session.reply_error(id, Code::kUnimplemented, true, "nothing is served here", {});
}

// A server that was stopped, or has just died, has not heard of it; nor one that has no room for another connection.
void TakeoverRequest::on_closed(Connection&, const CloseReason& why) {
  connection_ = nullptr;
  switch (why.kind()) {
    case CloseReason::Kind::kPeerSilent:
    case CloseReason::Kind::kPeerGone:
    case CloseReason::Kind::kOutOfResources:
      return;
    default:
      answered_ = why.code() != Code::kResourceExhausted;
  }
}

}  // namespace ipcbridge
