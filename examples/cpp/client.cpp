// Calls any service: client calc add 2 3

#include <chrono>
#include <cstdio>
#include <string>

#include <nlohmann/json.hpp>

#include <ipcbridge/ipcbridge.hpp>

#include "values.hpp"

using nlohmann::json;

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s SERVICE [METHOD [ARGUMENT...]]  (arguments are JSON, or else text)\n", argv[0]);
    return 2;
  }
  ipcbridge::Bridge bridge;
  ipcbridge::Remote service = bridge.connect(argv[1]);
  if (argc < 3) {
    for (const std::string& method : service.methods()) std::printf("%s\n", method.c_str());
    return 0;
  }
  json arguments = json::array();
  for (int i = 3; i < argc; ++i) {
    const json argument = json::parse(argv[i], nullptr, false);
    arguments.push_back(argument.is_discarded() ? json(argv[i]) : argument);
  }
  const ipcbridge::Bytes result = service.call(argv[2], encode(arguments), {.timeout = std::chrono::seconds(10)});
  std::printf("%s\n", decode(result).dump().c_str());
} catch (const ipcbridge::RemoteError& error) {
  std::fprintf(stderr, "the service threw %s: %s\n", error.type().c_str(), error.what());
  return 1;
} catch (const ipcbridge::IpcError& error) {
  std::fprintf(stderr, "%s: %s\n", std::string(code_name(error.code())).c_str(), error.what());
  return 1;
}
