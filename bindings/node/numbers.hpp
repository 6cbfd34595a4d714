#pragma once

#include <napi.h>

namespace ipcbridge::node {

// What the numbers mean that go to and from JavaScript, by the names of js/src/native.ts.
Napi::Object numbers(Napi::Env env);

}  // namespace ipcbridge::node
