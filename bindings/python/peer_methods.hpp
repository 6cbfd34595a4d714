#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/python/errors.hpp"
#include "bindings/python/text.hpp"
#include "core/endpoint/driver.hpp"

namespace ipcbridge::python {

// (connection, pid, uid, name, language); None for what is not known.
inline pybind11::tuple to_tuple(const Peer& peer) {
  namespace py = pybind11;
  const auto* local = std::get_if<LocalPeer>(&peer.principal);
  const auto text = [](std::string_view given) { return given.empty() ? py::object(py::none()) : to_str(given); };
  return py::make_tuple(peer.connection, local != nullptr && local->pid != 0 ? py::cast(local->pid) : py::none(),
                        local != nullptr ? py::cast(local->uid) : py::none(), text(peer.name),
                        text(language_name(peer.language)));
}

// What both drivers have for the other sides of connections, and for references. `use(binding, f)` gives what f(driver)
// gives; `note(binding, client)` is told of clients that peer_client() may have made.
template <typename Class, typename Use, typename Note>
void bind_peer_methods(Class& driver, Use use, Note note) {
  namespace py = pybind11;
  using Binding = typename Class::type;
  driver.def(
      "serve_attached",
      [use](Binding& binding, std::vector<std::string> methods, std::vector<std::uint32_t> serial_groups,
            bool takes_references) {
        ServeOptions options;
        options.attached = true;
        options.takes_references = takes_references;
        options.methods = std::move(methods);
        options.serial_groups = std::move(serial_groups);
        return unwrap(use(binding, [&](Driver& target) { return target.serve(options); }));
      },
      py::arg("methods"), py::arg("serial_groups"), py::arg("takes_references"));
  driver.def(
      "shares_reference",
      [use](Binding& binding, std::uint64_t id) {
        return use(binding, [&](Driver& target) { return target.shares_reference(id); });
      },
      py::arg("id"));
  driver.def(
      "forget_reference",
      [use](Binding& binding, std::uint64_t id) {
        use(binding, [&](Driver& target) {
          target.forget_reference(id);
          return true;
        });
      },
      py::arg("id"));
  driver.def(
      "release_reference",
      [use](Binding& binding, std::uint64_t connection, std::uint64_t id, std::uint64_t times) {
        use(binding, [&](Driver& target) {
          target.release_reference(connection, id, times);
          return true;
        });
      },
      py::arg("connection"), py::arg("id"), py::arg("times"));
  driver.def(
      "peer_client",
      [use, note](Binding& binding, std::uint64_t connection) {
        const ClientId client = unwrap(use(binding, [&](Driver& target) { return target.peer_client(connection); }));
        note(binding, client);
        return client;
      },
      py::arg("connection"));
  driver.def(
      "peers",
      [use](Binding& binding, ServerId server) {
        py::list list;
        for (const Peer& peer : use(binding, [&](Driver& target) { return target.peers(server); })) {
          list.append(to_tuple(peer));
        }
        return list;
      },
      py::arg("server"));
  driver.def(
      "peer",
      [use](Binding& binding, std::uint64_t connection) -> py::object {
        const std::optional<Peer> peer = use(binding, [&](Driver& target) { return target.peer(connection); });
        return peer ? py::object(to_tuple(*peer)) : py::object(py::none());
      },
      py::arg("connection"));
}

}  // namespace ipcbridge::python
