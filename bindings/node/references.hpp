#pragma once

#include <napi.h>

#include "bindings/node/environment.hpp"

namespace ipcbridge::node {

// Adds the methods for references and peers to those of an addon's copy; js/src/native.ts declares them. False when
// JavaScript cannot run any more.
bool add_reference_methods(napi_env env, napi_value methods, Environment& environment);

}  // namespace ipcbridge::node
