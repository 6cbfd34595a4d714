// A service in C++. Python: ipc.connect("mathcpp").add(2, 3). Node: await (await ipc.connect('mathcpp')).add(2, 3)

#include <signal.h>

#include <cstdio>
#include <string>

#include <nlohmann/json.hpp>

#include <ipcbridge/ipcbridge.hpp>

#include "values.hpp"

using ipcbridge::Bytes;
using ipcbridge::Code;
using ipcbridge::IncomingCall;
using ipcbridge::IpcError;
using nlohmann::json;

namespace {

Bytes add(const IncomingCall& call) {
  const json arguments = decode(call.arguments);
  if (arguments.size() != 2) throw IpcError(Code::kInvalidArgument, "add takes two numbers");
  return encode(arguments[0].get<double>() + arguments[1].get<double>());
}

// By code points, so that what comes out is UTF-8 again.
Bytes reverse(const IncomingCall& call) {
  const auto text = decode(call.arguments).at(0).get<std::string>();
  std::string reversed;
  for (std::size_t end = text.size(), begin = end; begin > 0; end = begin) {
    do --begin;
    while (begin > 0 && (text[begin] & 0xC0) == 0x80);
    reversed.append(text, begin, end - begin);
  }
  return encode(reversed);
}

Bytes fail(const IncomingCall& call) {
  const json arguments = decode(call.arguments);
  throw IpcError(Code::kNotFound, arguments.empty() ? "failed as asked" : arguments[0].get<std::string>(),
                 encode({{"asked", arguments}}));
}

}  // namespace

int main(int argc, char** argv) try {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  ipcbridge::Bridge bridge;
  const std::string name = argc > 1 ? argv[1] : "mathcpp";
  ipcbridge::Service service = bridge.serve(name, {{"add", add}, {"reverse", reverse}, {"fail", fail}});
  std::printf("serving %s\n", name.c_str());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&ends, &signal);
  service.close();
} catch (const IpcError& error) {
  std::fprintf(stderr, "%s: %s\n", std::string(code_name(error.code())).c_str(), error.what());
  return 1;
}
