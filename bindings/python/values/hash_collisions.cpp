#include "bindings/python/values/hash_collisions.hpp"

#include <algorithm>

#include "bindings/python/values/wire_format.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// Hashes that are seeded, that only a few values have, or that are the integer itself.
bool spreads(PyObject* key) {
  PyTypeObject* type = Py_TYPE(key);
  if (type == &PyUnicode_Type || type == &PyBytes_Type || type == &PyBool_Type || key == Py_None) return true;
  if (type != &PyLong_Type) return false;
  constexpr long long kModulus = (1LL << (sizeof(Py_hash_t) >= 8 ? 61 : 31)) - 1;  // sys.hash_info.modulus
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(key, &overflow);
  return overflow == 0 && value > -kModulus && value < kModulus;
}

}  // namespace

bool hash_alike(const std::vector<py::object>& keys, std::size_t every) {
  if (keys.size() / every <= kMaxCollisions) return false;
  bool spread = true;
  for (std::size_t i = 0; spread && i < keys.size(); i += every) spread = spreads(keys[i].ptr());
  if (spread) return false;
  std::vector<Py_hash_t> hashes;
  hashes.reserve(keys.size() / every);
  for (std::size_t i = 0; i < keys.size(); i += every) {
    hashes.push_back(PyObject_Hash(keys[i].ptr()));
    if (hashes.back() == -1) throw py::error_already_set();
  }
  std::sort(hashes.begin(), hashes.end());
  for (std::size_t i = kMaxCollisions; i < hashes.size(); ++i) {
    if (hashes[i] == hashes[i - kMaxCollisions]) return true;
  }
  return false;
}

}  // namespace ipcbridge::python
