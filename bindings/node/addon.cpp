// The methods of the addon; js/src/native.ts declares them. Those called for every message take numbers only
// and go without node-addon-api's wrappers, which cost more than the call.

#include <cmath>
#include <memory>
#include <string>

#include <napi.h>

#include "bindings/node/arguments.hpp"
#include "bindings/node/calls.hpp"
#include "bindings/node/convert.hpp"
#include "bindings/node/environment.hpp"
#include "bindings/node/numbers.hpp"
#include "bindings/node/references.hpp"
#include "bindings/node/streams.hpp"
#include "core/doctor/doctor.hpp"
#include "core/naming/address.hpp"
#include "core/naming/directory.hpp"
#include "core/naming/near_matches.hpp"

namespace ipcbridge::node {
namespace {

constexpr double kMostAllocated = 1ULL << 46U;

// Of a call that could not be queued. A notification tells of it by kDropped.
Error no_room() { return {Code::kResourceExhausted, "the calls that wait to be sent exceed maxQueuedBytes"}; }
constexpr double kDropped = 0;  // no error has this number

napi_value start(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return args.result(args.environment().start(Napi::Function(env, args.value(0)), Napi::Object(env, args.value(1)),
                                              Napi::Boolean(env, args.value(2)).Value()));
}

napi_value last_error(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return Napi::String::New(env, args.environment().last_error.message);
}

napi_value use_outgoing(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().use_outgoing(args.value(0));
  return nullptr;
}

napi_value pending_changed(napi_env env, napi_callback_info info) {
  Environment& environment = Arguments(env, info).environment();
  if (environment.wants_alive()) {
    environment.doorbell().keep_alive();
  } else {
    environment.doorbell().touched();  // it lets go after a drain, and there may be no other
  }
  return nullptr;
}

napi_value adjust_external_memory(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  std::int64_t total = 0;
  napi_adjust_external_memory(env, static_cast<std::int64_t>(args.number(0)), &total);
  return nullptr;
}

napi_value connect(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  Environment& environment = args.environment();
  const Result<ConnectOptions> options = connect_options(Napi::Object(env, args.value(0)));
  if (!options.ok()) return args.handle(options.error());
  const Result<ClientId> client = environment.driver()->connect(options.value());
  if (client.ok()) environment.opened_client(client.value());
  return args.handle(client);
}

napi_value close_client(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().driver()->close_client(args.u32(0));
  return nullptr;
}

napi_value methods_of(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return to_array(env, args.environment().driver()->methods(args.u32(0)));
}

napi_value intern_method(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return Napi::Number::New(env, args.environment().driver()->intern_method(args.u32(0), args.text(1)));
}

napi_value suggestion(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return Napi::String::New(env, did_you_mean(args.text(0), to_texts(Napi::Value(env, args.value(1)))));
}

napi_value socket_path(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  const Result<Address> address = parse_address(args.text(0));
  if (!address.ok()) return args.handle(address.error());
  return Napi::String::New(env, address.value().path);
}

napi_value set_names_directory(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return args.result(NamesDirectory::set_environment(args.text(0)));
}

napi_value examine(napi_env env, napi_callback_info) {
  Napi::Array findings = Napi::Array::New(env);
  for (const doctor::Finding& each : doctor::examine(System::real())) {
    Napi::Object finding = Napi::Object::New(env);
    finding["check"] = each.check;
    finding["verdict"] = std::string(doctor::verdict_name(each.verdict));
    finding["found"] = each.found;
    finding["remedy"] = each.remedy;
    findings[findings.Length()] = finding;
  }
  return findings;
}

napi_value find_method(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return args.handle(args.environment().driver()->find_method(args.u32(0), args.text(1)));
}

}  // namespace

napi_value send_call(const Arguments& args, const CallOptions& options, std::uint32_t metadata_size) {
  Environment& environment = args.environment();
  const std::uint32_t size = args.u32(3);
  const auto payload = environment.outgoing(0, size);
  const auto metadata = environment.outgoing(size, metadata_size);
  if (!payload || !metadata) return args.result(not_encoded());
  const Result<Attachments> attachments = environment.take_attachments_for_client(args.u32(0));
  if (!attachments.ok()) return args.result(attachments.error());
  const Result<Submission> sent = environment.driver()->call(args.u32(0), args.u32(1), args.u32(2), options, *metadata,
                                                             {*payload, attachments.value()});
  if (!sent.ok()) return args.result(sent.error());
  if (sent.value() == Submission::kNotTaken) {
    return options.notify ? Napi::Number::New(args.env(), kDropped) : args.result(no_room());
  }
  if (!options.notify) environment.doorbell().keep_alive();
  return nullptr;
}

CallOptions call_options_of(const Arguments& args) {
  const double timeout = args.number(6);
  CallOptions options = call_options(args.u32(5));
  options.streams = args.u32(7);
  if (std::isfinite(timeout)) options.timeout = duration_of(timeout);
  return options;
}

namespace {

napi_value call(napi_env env, napi_callback_info info) { return send_call(Arguments(env, info), CallOptions{}, 0); }

napi_value call_with(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return send_call(args, call_options_of(args), args.u32(4));
}

napi_value cancel(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().driver()->cancel(args.u32(0), args.u32(1));
  return nullptr;
}

napi_value client_status(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  const std::vector<std::string> addresses = to_texts(Napi::Value(env, args.value(1)));
  return to_object(env, args.environment().driver()->client_status(args.u32(0), addresses));
}

napi_value serve(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  Environment& environment = args.environment();
  const Result<ServeOptions> options = serve_options(Napi::Object(env, args.value(0)));
  if (!options.ok()) return args.handle(options.error());
  const Result<ServerId> server = environment.driver()->serve(options.value());
  if (server.ok()) environment.opened();
  return args.handle(server);
}

napi_value close_server(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().driver()->close_server(args.u32(0), duration_of(args.number(1)));
  return nullptr;
}

napi_value reply(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  Environment& environment = args.environment();
  const auto payload = environment.outgoing(0, args.u32(1));
  if (!payload) return args.result(not_encoded());
  RequestKey request;
  if (!environment.inbound_calls().take(args.u32(0), request)) return nullptr;
  const Result<Attachments> attachments = environment.take_attachments_for(request.connection);
  if (attachments.ok()) {
    environment.driver()->reply(request, {*payload, attachments.value()});
  } else {
    environment.driver()->reply_error(request, attachments.error().code, attachments.error().message, {});
  }
  return nullptr;
}

napi_value reply_error(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  Environment& environment = args.environment();
  const auto details = environment.outgoing(0, args.u32(3));
  if (!details) return args.result(not_encoded());
  RequestKey request;
  if (!environment.inbound_calls().take(args.u32(0), request)) return nullptr;
  const auto code = code_from_number(static_cast<std::uint8_t>(args.u32(1))).value_or(Code::kUnknown);
  environment.driver()->reply_error(request, code, args.text(2), *details);
  return nullptr;
}

napi_value server_status(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return to_object(env, args.environment().driver()->server_status(args.u32(0)));
}

napi_value remove_on_signal(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().sockets().add(args.u32(0));
  return nullptr;
}

napi_value keep_on_signal(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().sockets().forget(args.u32(0));
  return nullptr;
}

napi_value wait(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  return Napi::Number::New(env, args.environment().wait(duration_of(args.number(0))));
}

napi_value read_on(napi_env env, napi_callback_info info) {
  return Napi::Number::New(env, Arguments(env, info).environment().read_on());
}

napi_value deliver_later(napi_env env, napi_callback_info info) {
  Arguments(env, info).environment().deliver_later();
  return nullptr;
}

napi_value copy_message(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  Environment& environment = args.environment();
  return environment.memory().to_array_buffers(env, environment.take_long_message(args.u32(0), args.bytes(1)));
}

napi_value allocate(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  const double size = args.number(0);
  BlobRef blob = size < kMostAllocated ? allocate_blob(static_cast<std::size_t>(size)) : nullptr;
  return blob ? args.environment().memory().to_array_buffer(env, Attachment(std::move(blob))) : nullptr;
}

napi_value release_memory(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().memory().release(env, args.value(0));
  return nullptr;
}

napi_value attach(napi_env env, napi_callback_info info) {
  const Arguments args(env, info);
  args.environment().use_attachments(args.value(0));
  return nullptr;
}

// The methods over an Environment of their own. The JavaScript may be loaded several times in one process, over this
// one addon: each copy has its own. The Environment goes when its copy of the JavaScript is collected, or with the
// thread.
napi_value create(napi_env env, napi_callback_info) {
  auto owner = std::make_unique<Environment>(env);
  Environment* const environment = owner.get();
  napi_value methods = nullptr;
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); };
  if (napi_create_object(env, &methods) != napi_ok) return nullptr;
  if (napi_wrap(env, methods, environment, destroy, nullptr, nullptr) != napi_ok) return nullptr;
  static_cast<void>(owner.release());
  if (napi_set_named_property(env, methods, "numbers", numbers(env)) != napi_ok) return nullptr;
  const auto add = [&](const char* name, napi_callback method) {
    napi_value function = nullptr;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, method, environment, &function) != napi_ok) return false;
    return napi_set_named_property(env, methods, name, function) == napi_ok;
  };
  const bool complete =
      add("start", guarded<start>) && add("lastError", last_error) && add("useOutgoing", use_outgoing) &&
      add("pendingChanged", guarded<pending_changed>) && add("adjustExternalMemory", adjust_external_memory) &&
      add("connect", guarded<connect, Returns::kHandle>) && add("closeClient", guarded<close_client>) &&
      add("methods", guarded<methods_of, Returns::kObject>) &&
      add("internMethod", guarded<intern_method, Returns::kObject>) &&
      add("findMethod", guarded<find_method, Returns::kHandle>) &&
      add("socketPath", guarded<socket_path, Returns::kHandle>) &&
      add("setNamesDirectory", guarded<set_names_directory>) && add("call", guarded<call>) &&
      add("callWith", guarded<call_with>) && add("cancel", guarded<cancel>) &&
      add("clientStatus", guarded<client_status, Returns::kObject>) && add("serve", guarded<serve, Returns::kHandle>) &&
      add("closeServer", guarded<close_server>) && add("reply", guarded<reply>) &&
      add("replyError", guarded<reply_error>) && add("serverStatus", guarded<server_status, Returns::kObject>) &&
      add("removeOnSignal", guarded<remove_on_signal>) && add("keepOnSignal", guarded<keep_on_signal>) &&
      add("copyMessage", guarded<copy_message, Returns::kObject>) && add("attach", guarded<attach>) &&
      add("allocate", guarded<allocate, Returns::kObject>) && add("releaseMemory", guarded<release_memory>) &&
      add("wait", guarded<wait, Returns::kObject>) && add("readOn", guarded<read_on, Returns::kObject>) &&
      add("deliverLater", guarded<deliver_later>) && add("didYouMean", guarded<suggestion, Returns::kObject>) &&
      add("examine", guarded<examine, Returns::kObject>) && add_stream_methods(env, methods, *environment) &&
      add_reference_methods(env, methods, *environment);
  return complete ? methods : nullptr;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  napi_value function = nullptr;
  if (napi_create_function(env, "create", NAPI_AUTO_LENGTH, create, nullptr, &function) == napi_ok) {
    exports.Set("create", Napi::Value(env, function));
  }
  exports.Set("version", IPCBRIDGE_VERSION);
  return exports;
}

}  // namespace
}  // namespace ipcbridge::node

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) { return ipcbridge::node::initialize(env, exports); }

}  // namespace

NODE_API_MODULE(ipcbridge, initialize)
