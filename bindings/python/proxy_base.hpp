#pragma once

#include <memory>

#include <pybind11/pybind11.h>

#include "core/endpoint/events.hpp"

namespace ipcbridge::python {

// Tells of a client whether the service may have become another one: `value` differs then.
struct GenerationBinding {
  std::shared_ptr<Generation> generation;  // null: there is no such client
};

void bind_generation(pybind11::module_& module);

// Adds the type ProxyBase, whose instances keep the members of a service in their __dict__. A subclass has
//   _forget_stale(), called before an attribute is looked up when the service may have become another one, and
//   _find(name), which finds a member that is not kept, or raises AttributeError;
// _follow(generation) begins it. Names with a leading underscore are looked up as in any object. A type of CPython's
// own API, because __getattribute__ in Python would cost a third of a call.
void add_proxy_base_type(pybind11::module_& module);

}  // namespace ipcbridge::python
