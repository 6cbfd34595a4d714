#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/endpoint/connection.hpp"
#include "core/endpoint/context.hpp"
#include "core/naming/address.hpp"

namespace ipcbridge {

// A server's question to one that has its name, whether it would give way. It is asked by a HELLO, stands for as
// long as the connection, and is answered by a refusal: the name becomes free, or not. Used under the Driver's lock.
class TakeoverRequest final : public ConnectionOwner {
 public:
  TakeoverRequest(Context& context, Address address) : ConnectionOwner(context), address_(std::move(address)) {}

  const std::string& path() const { return address_.path; }

  // Asks, unless that has been done and the other may yet answer, or has.
  void ask();
  // Who has not answered yet is not to give way any more.
  void withdraw();

  Status judge(Connection& connection, const Hello& theirs) override;
  void on_open(Connection&) override {}
  void on_request(Session& session, std::uint64_t id, const Request& request, MessageStorage* storage) override;
  void on_cancel(Session&, std::uint64_t) override {}
  void on_outcome(Session&, std::uint64_t, const Outcome&, MessageStorage*) override {}
  void on_unsent(Session&, std::uint64_t, const Request&, bool, const CloseReason&) override {}
  void on_goaway(Session&) override {}
  void on_room(Connection&) override {}
  void on_dial_ready(std::uint64_t dial) override;
  void on_closed(Connection& connection, const CloseReason& why) override;

 private:
  void ask_over(std::unique_ptr<Channel> channel);

  const Address address_;
  std::unique_ptr<Dial> dial_;
  Connection* connection_ = nullptr;
  bool answered_ = false;
};

}  // namespace ipcbridge
