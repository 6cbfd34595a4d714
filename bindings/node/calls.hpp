#pragma once

#include <cstdint>

#include <napi.h>

#include "bindings/node/arguments.hpp"
#include "core/endpoint/options.hpp"

namespace ipcbridge::node {

// Sends a call: of the arguments of the addon's method the first four are the client, the token, the number of the
// method and the size of the payload, behind which come the metadata.
napi_value send_call(const Arguments& args, const CallOptions& options, std::uint32_t metadata_size);

// The options in the arguments behind those: the size of the metadata, flags, timeout, streams.
CallOptions call_options_of(const Arguments& args);

}  // namespace ipcbridge::node
