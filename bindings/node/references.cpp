// The methods of the addon for references and peers; js/src/native.ts declares them. A reference crosses as one number
// (wide_ids.hpp), below zero when it is retained.

#include "bindings/node/references.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/node/arguments.hpp"
#include "bindings/node/calls.hpp"

namespace ipcbridge::node {
namespace {

napi_value call_references(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  const std::vector<std::uint64_t> references = args.wide_ids(8);
  CallOptions options = call_options_of(args);
  options.references = references;
  options.reference_on = static_cast<std::uint64_t>(args.number(9));
  std::string method;
  if (options.reference_on != 0) method = args.text(10);
  options.reference_method = method;
  return send_call(args, options, args.u32(4));
}

// It does not count as open: where no client and no server is, nobody calls a reference.
napi_value serve_references(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  ServeOptions options;
  options.attached = true;
  options.takes_references = true;
  return args.handle(args.environment().driver()->serve(options));
}

napi_value forget_reference(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().driver()->forget_reference(wide_id(args.number(0)));
  return nullptr;
}

napi_value shares_reference(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return Napi::Boolean::New(env, args.environment().driver()->shares_reference(wide_id(args.number(0))));
}

napi_value release_reference(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().driver()->release_reference(static_cast<std::uint64_t>(args.number(0)), wide_id(args.number(1)),
                                                 static_cast<std::uint64_t>(args.number(2)));
  return nullptr;
}

napi_value peer_client(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  Environment& environment = args.environment();
  const Result<ClientId> client = environment.driver()->peer_client(static_cast<std::uint64_t>(args.number(0)));
  if (client.ok()) environment.opened_client(client.value());
  return args.handle(client);
}

Napi::Object to_object(Napi::Env env, const Peer& peer) {
  Napi::Object object = Napi::Object::New(env);
  object["connection"] = static_cast<double>(peer.connection);
  const auto* local = std::get_if<LocalPeer>(&peer.principal);
  object["pid"] = local == nullptr || local->pid == 0 ? env.Null() : Napi::Number::New(env, local->pid);
  object["uid"] = local == nullptr ? env.Null() : Napi::Number::New(env, local->uid);
  object["name"] = peer.name;
  object["language"] = std::string(language_name(peer.language));
  return object;
}

napi_value peers_of(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  const std::vector<Peer> peers = args.environment().driver()->peers(args.u32(0));
  const Napi::Array array = Napi::Array::New(env, peers.size());
  for (std::uint32_t i = 0; i < peers.size(); ++i) array.Set(i, to_object(env, peers[i]));
  return array;
}

napi_value peer_of(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  const std::optional<Peer> peer = args.environment().driver()->peer(static_cast<std::uint64_t>(args.number(0)));
  if (!peer) return nullptr;
  return to_object(env, *peer);
}

}  // namespace

bool add_reference_methods(napi_env env, napi_value methods, Environment& environment) {
  const auto add = [&](const char* name, napi_callback method) {
    napi_value function = nullptr;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, method, &environment, &function) != napi_ok) return false;
    return napi_set_named_property(env, methods, name, function) == napi_ok;
  };
  return add("callReferences", guarded<call_references>) &&
         add("serveReferences", guarded<serve_references, Returns::kHandle>) &&
         add("forgetReference", guarded<forget_reference>) &&
         add("sharesReference", guarded<shares_reference, Returns::kObject>) &&
         add("releaseReference", guarded<release_reference>) &&
         add("peerClient", guarded<peer_client, Returns::kHandle>) &&
         add("peers", guarded<peers_of, Returns::kObject>) && add("peer", guarded<peer_of, Returns::kObject>);
}

}  // namespace ipcbridge::node
