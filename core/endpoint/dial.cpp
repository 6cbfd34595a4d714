#include "core/endpoint/dial.hpp"

#include <utility>

#include "core/endpoint/context.hpp"

namespace ipcbridge {

Dial::Dial(Context& context, std::uint64_t id, std::unique_ptr<Connector> connector)
    : context_(context), id_(id), connector_(std::move(connector)) {}

Dial::~Dial() {
  if (watched_) context_.poller().remove(connector_->fd());
  context_.forget_dial(id_);
}

std::optional<Connector::Outcome> Dial::advance() {
  std::optional<Connector::Outcome> outcome = connector_->advance();
  if (outcome || watched_) return outcome;
  watched_ = context_.poller().add(connector_->fd(), kDialToken | id_, Poller::kReadable);
  if (watched_) return std::nullopt;
  return Error{Code::kResourceExhausted, "cannot watch another descriptor"};
}

}  // namespace ipcbridge
