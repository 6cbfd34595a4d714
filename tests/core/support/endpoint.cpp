#include "tests/core/support/endpoint.hpp"

#include <poll.h>

#include <cstdlib>
#include <utility>

#include <gtest/gtest.h>

namespace ipcbridge::testing_support {

DriverOptions with_system(System& system) {
  DriverOptions options;
  options.system = &system;
  return options;
}

Endpoint::Endpoint(const DriverOptions& options) : table_(64 * EventRow::kWords), slab_(2 * EventBatch::kMinSlabBytes) {
  batch_.use(table_, slab_);
  Result<std::unique_ptr<Driver>> made = Driver::create(options);
  if (!made.ok()) std::abort();
  driver_ = std::move(made).value();
}

bool Endpoint::run() {
  batch_.reset();
  const bool more = driver_->run(batch_, true);
  for (std::size_t at = 0; at < batch_.size(); ++at) take(batch_.row(at));
  return more;
}

void Endpoint::take(const EventRow& row) {
  const auto copy = [](ConstBytes bytes) { return Buffer(bytes.begin(), bytes.end()); };
  const std::uint32_t owner = row.words[EventRow::kOwner];
  const auto changed = [&] {
    return Changed{owner, static_cast<std::uint8_t>(row.words[EventRow::kState]),
                   static_cast<Code>(row.words[EventRow::kCode]), std::string(batch_.message(row))};
  };
  switch (static_cast<EventKind>(row.words[EventRow::kKind])) {
    case EventKind::kOutcome: {
      Ended& ended = outcomes[row.wide(EventRow::kToken)];
      const auto ending = static_cast<Ending>(row.words[EventRow::kEnding]);
      ended = {static_cast<Code>(row.words[EventRow::kCode]),
               ending,
               ending == Ending::kMaybeRun,
               std::string(batch_.message(row)),
               copy(batch_.payload(row)),
               ended.times + 1,
               batch_.take_attachments(row.words[EventRow::kLongMessage])};
      return;
    }
    case EventKind::kInboundCall:
      requests.push_back({row.key(), row.words[EventRow::kMethod], copy(batch_.payload(row)),
                          batch_.take_attachments(row.words[EventRow::kLongMessage])});
      handle(*this, Asked(requests.back()));
      return;
    case EventKind::kCancel:
      cancelled.push_back(row.key());
      return;
    case EventKind::kClientState:
      client_states.push_back(changed());
      return;
    case EventKind::kServerState:
      server_states.push_back(changed());
      return;
    case EventKind::kRoom:
      room.push_back(owner);
      return;
    case EventKind::kStreamsOpen:
      opened.push_back(row.key());
      return;
    case EventKind::kReferenceReleased:
      released.push_back(row.wide(EventRow::kToken));
      break;
    case EventKind::kStreamRoom:
      stream_rooms.push_back(row.key());
      return;
    case EventKind::kStreamCancel:
      cancelled_streams.push_back(row.key());
      return;
    case EventKind::kStreamItems:
      items.push_back({row.key(), row.words[EventRow::kItems], copy(batch_.payload(row))});
      return;
    case EventKind::kStreamEnd:
      stream_ends.push_back({row.key(), static_cast<Code>(row.words[EventRow::kCode])});
      return;
  }
}

ServerId Endpoint::serve(const std::string& address, std::vector<std::string> methods) {
  ServeOptions options;
  options.address = address;
  options.methods = std::move(methods);
  return serve(options);
}

ServerId Endpoint::serve(const ServeOptions& options) {
  const Result<ServerId> server = driver_->serve(options);
  EXPECT_TRUE(server.ok()) << server.error().message;
  return server.ok() ? server.value() : 0;
}

ClientId Endpoint::connect(const std::string& address) {
  ConnectOptions options;
  options.addresses = {address};
  return connect(options);
}

ClientId Endpoint::connect(const ConnectOptions& options) {
  const Result<ClientId> client = driver_->connect(options);
  EXPECT_TRUE(client.ok()) << client.error().message;
  return client.ok() ? client.value() : 0;
}

std::uint64_t Endpoint::call(ClientId client, std::string_view payload, const CallOptions& options,
                             const std::string& name) {
  const std::uint64_t token = next_token_++;
  const Result<Submission> made = try_call(client, token, as_bytes(payload), options, name);
  EXPECT_TRUE(made.ok()) << made.error().message;
  return token;
}

std::uint64_t Endpoint::call_attaching(ClientId client, std::string_view payload,
                                       std::span<const Attachment> attachments) {
  const std::uint64_t token = next_token_++;
  const Result<Submission> made = try_call(client, token, {as_bytes(payload), attachments});
  EXPECT_TRUE(made.ok()) << made.error().message;
  return token;
}

Result<Submission> Endpoint::try_call(ClientId client, std::uint64_t token, const Payload& payload,
                                      const CallOptions& options, const std::string& name) {
  return driver_->call(client, token, driver_->intern_method(client, name), options, {}, payload);
}

bool Endpoint::is(ClientId client, ClientState state) const { return driver_->client_status(client).state == state; }

Endpoint::Changed Endpoint::last(std::uint32_t owner) const {
  Changed found;
  for (const auto* states : {&client_states, &server_states}) {
    for (const Changed& changed : *states) {
      if (changed.owner == owner) found = changed;
    }
  }
  return found;
}

bool run_until(std::initializer_list<Endpoint*> endpoints, const std::function<bool()>& condition) {
  constexpr int kPatience = 10'000;
  for (;;) {
    bool more = false;
    for (Endpoint* endpoint : endpoints) more = endpoint->run() || more;
    if (condition()) return true;
    if (more) continue;
    std::vector<pollfd> watched;
    bool sleeps = true;
    for (Endpoint* endpoint : endpoints) {
      sleeps = endpoint->driver().prepare_sleep() && sleeps;
      watched.push_back({endpoint->driver().fd(), POLLIN, 0});
    }
    if (sleeps && ::poll(watched.data(), watched.size(), kPatience) == 0) return false;
  }
}

void run_idle(std::initializer_list<Endpoint*> endpoints) {
  for (;;) {
    bool busy = false;
    for (Endpoint* endpoint : endpoints) busy = endpoint->run() || !endpoint->driver().prepare_sleep() || busy;
    for (Endpoint* endpoint : endpoints) busy = is_readable(endpoint->driver().fd()) || busy;
    if (!busy) return;
  }
}

}  // namespace ipcbridge::testing_support
