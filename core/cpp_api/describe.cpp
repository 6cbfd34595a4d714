#include "core/cpp_api/describe.hpp"

#include "core/cpp_api/msgpack.hpp"

namespace ipcbridge {

Bytes describe_service(std::string_view service, const Methods& methods) {
  msgpack::Writer out;
  out.map(2);
  out.text("service");
  out.text(service);
  out.text("methods");
  out.map(static_cast<std::uint32_t>(methods.size()));
  for (const auto& [name, handler] : methods) {
    out.text(name);
    out.map(4);
    out.text("signature");
    out.text("(...)");
    out.text("doc");
    out.nil();
    out.text("params");
    out.array(1);
    out.map(3);
    out.text("name");
    out.text("args");
    out.text("required");
    out.boolean(false);
    out.text("kind");
    out.text("rest");
    out.text("async");
    out.boolean(false);
  }
  return out.take();
}

}  // namespace ipcbridge
