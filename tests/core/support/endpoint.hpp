#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/endpoint/driver.hpp"
#include "core/endpoint/event_batch.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::testing_support {

// Of a Driver that asks this System.
DriverOptions with_system(System& system);

// A Driver with a consumer's loop around it. Requests are answered by `handle`; everything else is kept.
class Endpoint {
 public:
  struct Ended {
    Code code = Code::kOk;
    Ending ending = Ending::kResult;
    bool sent_maybe = false;
    std::string message;
    Buffer payload;
    int times = 0;
    Attachments attachments;
  };
  struct Asked {
    RequestKey key;
    std::uint32_t method = 0;
    Buffer payload;
    Attachments attachments;
  };
  struct Changed {
    std::uint32_t owner = 0;
    std::uint8_t state = 0;
    Code code = Code::kOk;
    std::string message;
  };
  using Handler = std::function<void(Endpoint&, const Asked&)>;

  explicit Endpoint(const DriverOptions& options = {});

  Driver& driver() { return *driver_; }
  // Handles what is there. True when there is more at once.
  bool run();

  ServerId serve(const std::string& address, std::vector<std::string> methods = {"echo", "other"});
  ServerId serve(const ServeOptions& options);
  ClientId connect(const std::string& address);
  ClientId connect(const ConnectOptions& options);
  // Begins a call of method `name`; gives its token.
  std::uint64_t call(ClientId client, std::string_view payload, const CallOptions& options = {},
                     const std::string& name = "echo");
  std::uint64_t call_attaching(ClientId client, std::string_view payload, std::span<const Attachment> attachments);
  Result<Submission> try_call(ClientId client, std::uint64_t token, const Payload& payload,
                              const CallOptions& options = {}, const std::string& name = "echo");

  bool ended(std::uint64_t token) const { return outcomes.contains(token); }
  bool is(ClientId client, ClientState state) const;
  // The last word about a client or server.
  Changed last(std::uint32_t owner) const;

  Handler handle = echo;
  static void echo(Endpoint& self, const Asked& asked) {
    self.driver().reply(asked.key, {asked.payload, asked.attachments});
  }
  static void keep(Endpoint&, const Asked&) {}

  std::map<std::uint64_t, Ended> outcomes;  // by token
  std::vector<Asked> requests;
  std::vector<RequestKey> cancelled;
  struct Items {
    StreamKey stream;
    std::uint32_t count = 0;
    Buffer values;
  };
  std::vector<StreamKey> opened;  // the first of each call's
  std::vector<StreamKey> stream_rooms;
  std::vector<StreamKey> cancelled_streams;
  std::vector<Items> items;
  std::vector<std::pair<StreamKey, Code>> stream_ends;
  std::vector<std::uint64_t> released;  // references
  std::vector<Changed> client_states;
  std::vector<Changed> server_states;
  std::vector<ClientId> room;

 private:
  void take(const EventRow& row);

  std::unique_ptr<Driver> driver_;
  std::vector<std::uint32_t> table_;
  Buffer slab_;
  EventBatch batch_;
  std::uint64_t next_token_ = 1;
};

// Runs the loops of these endpoints by turns, asleep whenever all are, until the condition holds. False
// when nothing happens for ten seconds.
bool run_until(std::initializer_list<Endpoint*> endpoints, const std::function<bool()>& condition);

// Until nobody has anything to do any more.
void run_idle(std::initializer_list<Endpoint*> endpoints);

}  // namespace ipcbridge::testing_support
