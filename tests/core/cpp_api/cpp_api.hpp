#pragma once

#include <optional>

#include <gtest/gtest.h>

#include <ipcbridge/ipcbridge.hpp>

#include "tests/core/support/support.hpp"

namespace ipcbridge::testing_support {

inline Bytes echo(const IncomingCall& call) { return {call.arguments.begin(), call.arguments.end()}; }

// What `act` throws; fails the test when that is nothing.
template <typename Thrown = IpcError, typename Act>
std::optional<Thrown> thrown_by(Act act) {
  try {
    act();
  } catch (const Thrown& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return std::nullopt;
}

template <typename Act>
Code code_of(Act act) {
  const std::optional<IpcError> error = thrown_by(act);
  return error ? error->code() : Code::kOk;
}

}  // namespace ipcbridge::testing_support
