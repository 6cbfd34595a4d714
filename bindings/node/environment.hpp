#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <napi.h>

#include "bindings/node/attachments.hpp"
#include "bindings/node/doorbell.hpp"
#include "bindings/node/socket_cleanup.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/event_batch.hpp"
#include "core/endpoint/inbound_call_table.hpp"

namespace ipcbridge::node {

// What belongs to one copy of the JavaScript on one thread (the main thread, or a worker): its Driver and the memory
// that it shares with JavaScript. Lives on that thread only.
class Environment final : public Drainer {
 public:
  // Numbers that both sides see; js/src/native.ts says whose they are.
  enum Control : std::size_t { kKeepAlive, kNoSpin, kRoom, kAttached, kControlCount };

  explicit Environment(napi_env env);

  // Makes the Driver and the doorbell. Once only.
  Status start(Napi::Function on_batch, Napi::Object shared, bool own_thread);

  // The Driver, for one use: the doorbell learns of it afterwards.
  class DriverUse {
   public:
    explicit DriverUse(Environment& environment) : environment_(environment) {}
    ~DriverUse() { environment_.doorbell_->touched(); }
    DriverUse(const DriverUse&) = delete;
    DriverUse& operator=(const DriverUse&) = delete;
    Driver* operator->() const { return environment_.driver_.get(); }

   private:
    Environment& environment_;
  };
  DriverUse driver() { return DriverUse(*this); }
  Doorbell& doorbell() { return *doorbell_; }
  InboundCallTable& inbound_calls() { return inbound_calls_; }
  SocketCleanup& sockets() { return sockets_; }

  // The bytes that JavaScript has encoded, from `start`; nothing when they are not in the memory it registered.
  std::optional<ConstBytes> outgoing(std::uint32_t start, std::uint32_t size) const {
    return outgoing_.part(start, size);
  }
  void use_outgoing(napi_value bytes) { outgoing_.use(env_, bytes); }
  // The same of a stream's items, from the start. They have memory of their own: items and answers take turns, and to
  // register memory costs more than to send an item.
  std::optional<ConstBytes> items(std::uint32_t size) const { return items_.part(0, size); }
  void use_items(napi_value bytes) { items_.use(env_, bytes); }

  // What is attached to the message that is sent now, if JavaScript says that something is: copied to where the peer
  // sees it.
  void use_attachments(napi_value views) { attachments_.use(env_, views); }
  Result<Attachments> take_attachments_for(std::uint64_t connection);
  Result<Attachments> take_attachments_for_client(ClientId client);

  ExternalMemory& memory() { return *memory_; }

  // A client or server was made, of which a state change will say that it is closed. JavaScript is kept in memory for
  // as long as there is one: a copy of it that is not used any more can be collected.
  void opened();
  // The same of a client, which may be known already: their numbers are counted up.
  void opened_client(ClientId client);

  // Gives what is attached to it.
  Attachments take_long_message(std::uint32_t number, MutableBytes into) {
    batch_.copy_long_message(number, into);
    return batch_.take_attachments(number);
  }

  // Waits for up to `most`, on behalf of code that blocks JavaScript's thread, and puts what has come into the shared
  // memory, out of which JavaScript has taken what it may still need. Returns how many events that are.
  std::uint32_t wait(Duration most);
  // Whatever follows at once upon the events that JavaScript has just handled, into the shared memory as well: what is
  // close behind them needs no callback of its own. Returns how many events that are.
  std::uint32_t read_on();
  // JavaScript has kept events back, which it is to be called for as for those that come.
  void deliver_later();
  void tell_room(std::int32_t items) { control_[kRoom] = items; }

  // What the last method that failed said; JavaScript asks for it.
  Error last_error;

  bool drain(bool poll, TimePoint deadline) override;
  bool wants_alive() const override { return control_[kKeepAlive] > 0; }
  bool may_spin() const override { return control_[kNoSpin] == 0; }

 private:
  // Memory of JavaScript's, which stays where it is while this has it.
  class Registered {
   public:
    void use(napi_env env, napi_value bytes);
    // Nothing when it is not in there.
    std::optional<ConstBytes> part(std::uint32_t start, std::uint32_t size) const;

   private:
    Napi::Reference<Napi::Value> keep_;
    MutableBytes bytes_;
  };

  bool has_attachments() { return std::exchange(control_[kAttached], 0) != 0; }
  // False when JavaScript cannot run any more.
  bool deliver();
  void closed(std::size_t count);

  napi_env env_;
  InboundCallTable inbound_calls_;
  SocketCleanup sockets_;
  EventBatch batch_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<Doorbell> doorbell_;
  Napi::FunctionReference on_batch_;  // weak while no client and no server is open
  std::size_t open_ = 0;
  ClientId newest_client_ = 0;
  Registered outgoing_;
  Registered items_;
  OutgoingAttachments attachments_;
  std::shared_ptr<ExternalMemory> memory_ = std::make_shared<ExternalMemory>();
  Napi::ObjectReference shared_;
  std::span<std::int32_t> control_;
  bool delivering_ = false;
  bool kept_back_ = false;
};

}  // namespace ipcbridge::node
