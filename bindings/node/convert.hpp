#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <napi.h>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/endpoint/driver.hpp"
#include "core/endpoint/options.hpp"

namespace ipcbridge::node {

// Milliseconds as JavaScript counts them; what no Duration holds means for ever.
Duration duration_of(double milliseconds);

// The options that js/src/native.ts declares. JavaScript has checked their types; what only the system knows
// (users and groups by name) is checked here.
Result<ConnectOptions> connect_options(Napi::Object from);
Result<ServeOptions> serve_options(Napi::Object from);

Napi::Object to_object(Napi::Env env, const ClientStatus& status);
Napi::Object to_object(Napi::Env env, const ServerStatus& status);
std::vector<std::string> to_texts(Napi::Value value);
Napi::Array to_array(Napi::Env env, const std::vector<std::string>& texts);

}  // namespace ipcbridge::node
