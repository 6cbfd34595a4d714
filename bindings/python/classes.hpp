#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// Plain types: what pybind11 adds for other extension modules would only differ from the stubs.
inline pybind11::metaclass plain_metaclass() {
  return pybind11::metaclass(pybind11::handle(reinterpret_cast<PyObject*>(&PyType_Type)));
}

inline void hide_module_local(const pybind11::handle& type) { pybind11::delattr(type, PYBIND11_MODULE_LOCAL_ID); }

}  // namespace ipcbridge::python
