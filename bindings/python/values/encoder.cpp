#include "bindings/python/values/encoder.hpp"

#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/simplified.hpp"
#include "bindings/python/values/wire_format.hpp"
#include "core/rpc/attachment_table.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

constexpr const char* kTooDeep = "nested more than 128 levels deep";
constexpr const char* kSurrogate = "a string with a lone surrogate, which UTF-8 cannot carry";

// The value of an exact int, if it is one that 64 bits hold with their sign.
bool to_int64(PyObject* integer, std::int64_t& value) {
#if PY_VERSION_HEX >= 0x030C0000
  auto* object = reinterpret_cast<PyLongObject*>(integer);
  if (PyUnstable_Long_IsCompact(object) != 0) {
    value = PyUnstable_Long_CompactValue(object);
    return true;
  }
#endif
  int overflow = 0;
  value = PyLong_AsLongLongAndOverflow(integer, &overflow);
  return overflow == 0;
}

unsigned enter(unsigned depth) {
  if (depth == kMaxDepth) throw Refused{kTooDeep, true, {}, {}};
  return depth + 1;
}

}  // namespace

class HeldReferences {
 public:
  explicit HeldReferences(Encoder& encoder) : held_(encoder.held_), first_(held_.size()) {}
  ~HeldReferences() {
    // From the end, one by one: a finalizer may make this encoder's thread send another value, with an encoder of its
    // own.
    while (held_.size() > first_) {
      PyObject* last = held_.back();
      held_.pop_back();
      Py_DECREF(last);
    }
  }
  HeldReferences(const HeldReferences&) = delete;
  HeldReferences& operator=(const HeldReferences&) = delete;

  Py_ssize_t size() const { return static_cast<Py_ssize_t>(held_.size() - first_); }
  PyObject* operator[](Py_ssize_t index) const { return held_[first_ + static_cast<std::size_t>(index)]; }

  void reserve(Py_ssize_t count) { held_.reserve(held_.size() + static_cast<std::size_t>(count)); }
  void add(PyObject* borrowed) {
    held_.push_back(borrowed);
    Py_INCREF(borrowed);
  }
  void replace(Py_ssize_t index, py::object value) {
    PyObject*& place = held_[first_ + static_cast<std::size_t>(index)];
    const auto old = py::reinterpret_steal<py::object>(place);
    place = value.release().ptr();
  }

 private:
  std::vector<PyObject*>& held_;
  std::size_t first_;
};

Encoder::~Encoder() {
  for (PyObject* stream : streams_) Py_DECREF(stream);
}

void Encoder::put_arguments(PyObject* const* args, Py_ssize_t count, bool keywords) {
  out_.put_list_head(static_cast<std::size_t>(count) + static_cast<std::size_t>(keywords));
  weigh(static_cast<std::size_t>(count) + kHeavy - 1);
  Py_ssize_t index = 0;
  try {
    for (; index < count; ++index) put(args[index], 0);
  } catch (Refused& refused) {
    refused.add(Step::kIndex, index, nullptr, nullptr);
    throw;
  }
}

void Encoder::put_keywords(PyObject* keywords) {
  weigh(kHeavy + 1);
  const std::size_t begun = out_.begin_extension();
  const py::object plain = with_text_keys(keywords);
  put_dict(plain.ptr(), nullptr, 0);
  out_.end_extension(Tag::kKwargs, begun);
}

void Encoder::put(PyObject* value, unsigned depth) {
  if (!put_scalar(value) && !put_container(value, value, depth)) put_simplified(value, depth);
}

bool Encoder::put_plain(PyObject* value, PyObject* holder, unsigned depth) {
  return put_scalar(value) || put_container(value, holder, depth);
}

// Puts a value for which no code but ours runs, and says whether this is one.
inline bool Encoder::put_scalar(PyObject* value) {
  PyTypeObject* type = Py_TYPE(value);
  if (type == &PyUnicode_Type) {
    if (!put_text(out_, value)) throw Refused{kSurrogate, false, {}, {}};
  } else if (type == &PyLong_Type) {
    std::int64_t number = 0;
    if (!to_int64(value, number)) return false;
    out_.put_int(number);
  } else if (type == &PyFloat_Type) {
    out_.put_float(PyFloat_AS_DOUBLE(value));
  } else if (value == Py_None) {
    out_.put(0xc0);
  } else if (type == &PyBool_Type) {
    out_.put(value == Py_True ? 0xc3 : 0xc2);
  } else if (type == &PyBytes_Type) {
    put_bytes(value);
  } else {
    return false;
  }
  return true;
}

void Encoder::put_bytes(PyObject* bytes) {
  const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(bytes));
  weigh(kHeavy - 1);
  if (may_attach(size)) {
    attached_.add(bytes);
    put_attached();
    return;
  }
  out_.put_bytes_head(size);
  out_.put(PyBytes_AS_STRING(bytes), size);
}

bool Encoder::may_attach(std::size_t size) const {
  return size >= AttachmentTable::kAttachedFrom && accepts_attachments_ &&
         attached_before_ + attached_.size() < AttachmentTable::kMaxAttachments;
}

// The last that has been added: where it stands in the value.
void Encoder::put_attached() { out_.put_attached(static_cast<std::uint32_t>(attached_before_ + attached_.size() - 1)); }

bool Encoder::put_container(PyObject* value, PyObject* holder, unsigned depth) {
  PyTypeObject* type = Py_TYPE(value);
  if (type == &PyDict_Type) {
    put_dict(value, holder, enter(depth));
  } else if (type == &PyList_Type) {
    put_list(value, holder, enter(depth));
  } else if (type == &PyTuple_Type) {
    put_tuple(value, holder, enter(depth));
  } else if (type == &PySet_Type || type == &PyFrozenSet_Type) {
    put_set(value, holder, enter(depth));
  } else {
    return false;
  }
  return true;
}

void Encoder::put_list(PyObject* list, PyObject* holder, unsigned depth) {
  const Py_ssize_t count = PyList_GET_SIZE(list);
  weigh(static_cast<std::size_t>(count) + kHeavy - 1);
  out_.put_list_head(static_cast<std::size_t>(count));
  Py_ssize_t index = 0;
  try {
    while (index < count && put_scalar(PyList_GET_ITEM(list, index))) ++index;
  } catch (Refused& refused) {
    refused.add(Step::kIndex, index, nullptr, holder);
    throw;
  }
  if (index == count) return;
  HeldReferences rest(*this);
  rest.reserve(count - index);
  for (Py_ssize_t i = index; i < count; ++i) rest.add(PyList_GET_ITEM(list, i));
  put_items(rest, index, holder, depth);
}

void Encoder::put_items(HeldReferences& items, Py_ssize_t first, PyObject* holder, unsigned depth) {
  Py_ssize_t index = 0;
  try {
    for (; index < items.size(); ++index) put(items[index], depth);
  } catch (Refused& refused) {
    refused.add(Step::kIndex, first + index, nullptr, holder);
    throw;
  }
}

void Encoder::put_tuple(PyObject* tuple, PyObject* holder, unsigned depth) {
  const Py_ssize_t count = PyTuple_GET_SIZE(tuple);
  weigh(static_cast<std::size_t>(count) + kHeavy - 1);
  out_.put_list_head(static_cast<std::size_t>(count));
  Py_ssize_t index = 0;
  try {
    for (; index < count; ++index) put(PyTuple_GET_ITEM(tuple, index), depth);
  } catch (Refused& refused) {
    refused.add(Step::kIndex, index, nullptr, holder);
    throw;
  }
}

void Encoder::put_set(PyObject* set, PyObject* holder, unsigned depth) {
  HeldReferences elements(*this);
  // Making the iterator may collect garbage and so run any code, walking it runs none.
  const auto iterator = py::reinterpret_steal<py::object>(PyObject_GetIter(set));
  if (!iterator) throw py::error_already_set();
  elements.reserve(PySet_GET_SIZE(set));
  while (PyObject* element = PyIter_Next(iterator.ptr())) {
    elements.add(element);
    Py_DECREF(element);
  }
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  weigh(static_cast<std::size_t>(elements.size()) + 2 * kHeavy - 1);
  const std::size_t begun = out_.begin_extension();
  out_.put_list_head(static_cast<std::size_t>(elements.size()));
  Py_ssize_t index = 0;
  try {
    for (; index < elements.size(); ++index) put(elements[index], depth);
  } catch (Refused& refused) {
    refused.add(Step::kElement, index, nullptr, holder);
    throw;
  }
  out_.end_extension(Tag::kSet, begun);
}

void Encoder::put_dict(PyObject* dict, PyObject* holder, unsigned depth) {
  const Py_ssize_t count = PyDict_Size(dict);
  const std::size_t begun = out_.size();
  weigh(2 * static_cast<std::size_t>(count) + kHeavy - 1);
  const std::size_t weight = weight_;
  out_.put_map_head(static_cast<std::size_t>(count));
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  Py_ssize_t before = 0;  // this position and size are those of the pair that is looked at
  std::size_t size = 0;
  Py_ssize_t index = 0;
  for (; PyDict_Next(dict, &position, &key, &value) != 0; ++index) {
    size = out_.size();
    if (!PyUnicode_CheckExact(key)) break;
    if (!put_text(out_, key)) {
      Refused refused{kSurrogate, false, {}, {}};
      refused.add(Step::kKey, index, nullptr, holder);
      throw std::move(refused);
    }
    try {
      if (!put_scalar(value)) break;
    } catch (Refused& refused) {
      refused.add(Step::kMember, index, key, holder);
      throw;
    }
    before = position;
  }
  if (index == count) return;
  HeldReferences rest(*this);
  rest.reserve(2 * (count - index));
  bool texts = true;
  while (PyDict_Next(dict, &before, &key, &value) != 0) {
    texts = texts && PyUnicode_CheckExact(key);
    rest.add(key);
    rest.add(value);
  }
  if (texts) {
    out_.truncate(size);
    return put_pairs(rest, index, holder, depth);
  }
  out_.truncate(begun);
  weight_ = weight;
  put_any_dict(dict, holder, depth);
}

// A dict of which some keys are no plain strings. It is weighed, and none of its pairs has been put.
void Encoder::put_any_dict(PyObject* dict, PyObject* holder, unsigned depth) {
  HeldReferences pairs(*this);
  pairs.reserve(2 * PyDict_Size(dict));
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &key, &value) != 0) {
    pairs.add(key);
    pairs.add(value);
  }
  bool texts = true;
  for (Py_ssize_t i = 0; i < pairs.size(); i += 2) {
    pairs.replace(i, simple_key(pairs[i]));
    texts = texts && PyUnicode_CheckExact(pairs[i]);
  }
  if (texts) {
    out_.put_map_head(static_cast<std::size_t>(pairs.size() / 2));
    return put_pairs(pairs, 0, holder, depth);
  }
  weigh(kHeavy);
  const std::size_t begun = out_.begin_extension();
  out_.put_list_head(static_cast<std::size_t>(pairs.size()));
  put_pairs(pairs, 0, holder, depth);
  out_.end_extension(Tag::kMap, begun);
}

void Encoder::put_pairs(HeldReferences& pairs, Py_ssize_t first, PyObject* holder, unsigned depth) {
  Py_ssize_t index = 0;
  bool at_key = true;
  try {
    for (; index < pairs.size(); index += 2) {
      at_key = true;
      put(pairs[index], depth);
      at_key = false;
      put(pairs[index + 1], depth);
    }
  } catch (Refused& refused) {
    if (at_key) {
      refused.add(Step::kKey, first + index / 2, nullptr, holder);
    } else {
      refused.add(Step::kMember, first + index / 2, pairs[index], holder);
    }
    throw;
  }
}

void Encoder::weigh(std::size_t weight) {
  weight_ += weight;
  if (weight_ > kMaxWeight) throw_too_large();
}

}  // namespace ipcbridge::python
