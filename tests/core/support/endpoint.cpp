#include "tests/core/support/endpoint.hpp"

#include <poll.h>

#include <cstdlib>
#include <utility>

#include <gtest/gtest.h>

namespace ipcbridge::testing_support {

Endpoint::Endpoint(const DriverOptions& options) : slab_(2 * EventBatch::kMinSlabBytes) {
  Result<std::unique_ptr<Driver>> made = Driver::create(options);
  if (!made.ok()) std::abort();
  driver_ = std::move(made).value();
}

bool Endpoint::turn() {
  batch_.reset(slab_);
  const bool more = driver_->turn(batch_, true);
  for (EventBatch::Record& record : batch_.records()) take(record);
  return more;
}

void Endpoint::take(EventBatch::Record& record) {
  const ConstBytes base = record.storage.empty() ? ConstBytes(slab_) : ConstBytes(record.storage);
  const ConstBytes payload = base.subspan(record.payload.offset, record.payload.size);
  const std::string message = text_of(ConstBytes(slab_).subspan(record.message.offset, record.message.size));
  switch (record.kind) {
    case Event::Kind::kOutcome: {
      Ended& ended = outcomes[record.token];
      ended = {record.code,    record.sent_maybe, record.not_started, message, Buffer(payload.begin(), payload.end()),
               ended.times + 1};
      return;
    }
    case Event::Kind::kRequest:
      requests.push_back({record.key, record.method, Buffer(payload.begin(), payload.end())});
      handle(*this, Asked(requests.back()));
      return;
    case Event::Kind::kCancel:
      cancelled.push_back(record.key);
      return;
    case Event::Kind::kClientState:
      client_states.push_back({record.owner, record.state, record.code, message});
      return;
    case Event::Kind::kServerState:
      server_states.push_back({record.owner, record.state, record.code, message});
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
  const Status status = try_call(client, token, as_bytes(payload), options, name);
  EXPECT_TRUE(status.ok()) << status.error().message;
  return token;
}

Status Endpoint::try_call(ClientId client, std::uint64_t token, ConstBytes payload, const CallOptions& options,
                          const std::string& name) {
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
    for (Endpoint* endpoint : endpoints) more = endpoint->turn() || more;
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
    for (Endpoint* endpoint : endpoints) busy = endpoint->turn() || !endpoint->driver().prepare_sleep() || busy;
    for (Endpoint* endpoint : endpoints) busy = is_readable(endpoint->driver().fd()) || busy;
    if (!busy) return;
  }
}

}  // namespace ipcbridge::testing_support
