#include "bindings/python/values/encoder.hpp"

#include <algorithm>
#include <array>

#include "bindings/python/stream_source.hpp"
#include "bindings/python/stream_types.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/python_rules.hpp"
#include "bindings/python/values/wire_format.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

constexpr const char* kNoStream = "a stream, which only arguments and results can be, or hold: send list(value)";
constexpr const char* kNoAsyncStream =
    "a stream, which only arguments and results can be, or hold: send [item async for item in value]";
constexpr const char* kNoReference =
    "a function, or what travels by reference, which only arguments and results can be, or hold";
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

PyTypeObject* functools_partial() {
  static PyObject* const kType = py::object(py::module_::import("functools").attr("partial")).release().ptr();
  return reinterpret_cast<PyTypeObject*>(kType);
}

unsigned enter(unsigned depth) {
  if (depth == kMaxDepth) throw Refused{kTooDeep, true, {}, {}};
  return depth + 1;
}

[[noreturn]] void throw_raised() {
  if (PyErr_ExceptionMatches(python_rules().refused_type.ptr()) == 0) throw py::error_already_set();
  py::error_already_set error;
  throw Refused{nullptr, false, error.value(), {}};
}

py::object simplified(PyObject* value) {
  PyObject* simple = PyObject_CallOneArg(python_rules().simplify.ptr(), value);
  if (simple == nullptr) throw_raised();
  return py::reinterpret_steal<py::object>(simple);
}

// What `key` is simplified to as long as that is a plain value; itself if that fails, to be met again with its path.
py::object simple_key(PyObject* key) {
  auto simple = py::reinterpret_borrow<py::object>(key);
  for (unsigned steps = 0; steps < kMaxDepth; ++steps) {
    PyTypeObject* type = Py_TYPE(simple.ptr());
    const bool plain = type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type ||
                       type == &PyBytes_Type || type == &PyTuple_Type || type == &PyFrozenSet_Type ||
                       type == &PyBool_Type || simple.is_none();
    if (plain) break;
    try {
      py::object next = simplified(simple.ptr());
      if (py::type::handle_of(next).is(python_rules().extension_type)) break;
      simple = std::move(next);
    } catch (const Refused&) {
      break;
    }
  }
  return simple;
}

// Keyword arguments by names that are plain strings: `keywords` itself if they are.
py::object with_text_keys(PyObject* keywords) {
  auto given = py::reinterpret_borrow<py::object>(keywords);
  PyObject* key = nullptr;
  Py_ssize_t position = 0;
  bool plain = true;
  while (plain && PyDict_Next(keywords, &position, &key, nullptr) != 0) plain = PyUnicode_CheckExact(key);
  if (plain) return given;
  py::dict renamed;
  Py_ssize_t index = 0;
  for (const auto& [name, value] : py::reinterpret_steal<py::dict>(PyDict_Copy(keywords))) {
    const py::object text = simple_key(name.ptr());
    if (!PyUnicode_CheckExact(text.ptr())) {
      Refused refused{"the name of a keyword argument is a string", false, {}, {}};
      refused.add(Step::kKey, index, nullptr, nullptr);
      throw std::move(refused);
    }
    renamed[text] = value;
    ++index;
  }
  return renamed;
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
  out_.put_bytes_head(size);
  out_.put(PyBytes_AS_STRING(bytes), size);
}

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

void Encoder::put_simplified(PyObject* original, unsigned depth) {
  if (PyLong_CheckExact(original) && put_unsigned(original)) return;
  if (put_stream(original) || put_by_reference(original)) return;
  auto value = py::reinterpret_borrow<py::object>(original);
  for (unsigned steps = 0; steps < kMaxDepth; ++steps) {
    value = simplified(value.ptr());
    if (py::type::handle_of(value).is(python_rules().extension_type)) {
      weigh(kHeavy - 1);
      PyObject* contents = PyTuple_GET_ITEM(value.ptr(), 1);
      const auto tag = static_cast<Tag>(PyLong_AsLong(PyTuple_GET_ITEM(value.ptr(), 0)));
      return out_.put_extension(tag, PyBytes_AS_STRING(contents), static_cast<std::size_t>(PyBytes_GET_SIZE(contents)));
    }
    if (put_scalar(value.ptr()) || put_container(value.ptr(), original, depth)) return;
    if (PyLong_CheckExact(value.ptr()) && put_unsigned(value.ptr())) return;
  }
  throw Refused{"it stands for one value after another without an end", false, {}, {}};
}

// False when it is none.
bool Encoder::put_stream(PyObject* value) {
  const bool is_stream = PyGen_CheckExact(value) != 0 || PyAsyncGen_CheckExact(value) != 0 ||
                         is_received_stream(value) || py::type::handle_of(value).is(python_rules().stream_source);
  if (!is_stream) return false;
  if (!accepts_streams_) {
    throw Refused{PyAsyncGen_CheckExact(value) != 0 ? kNoAsyncStream : kNoStream, false, {}, {}};
  }
  if (is_used_up(value)) {
    throw Refused{"a stream that has been read, or sent, already: its items can be sent once", false, {}, {}};
  }
  if (std::find(streams_.begin(), streams_.end(), value) != streams_.end()) {
    throw Refused{"the same stream twice: what one reader takes the other does not get", false, {}, {}};
  }
  std::array<std::uint8_t, 4> place{};
  for (std::size_t i = 0; i < place.size(); ++i)
    place.at(3 - i) = static_cast<std::uint8_t>(streams_.size() >> (8 * i));
  weigh(kHeavy - 1);
  streams_.push_back(value);
  Py_INCREF(value);
  out_.put_extension(Tag::kStream, place.data(), place.size());
  return true;
}

// False when it is none.
bool Encoder::put_by_reference(PyObject* value) {
  const bool is_function = PyFunction_Check(value) || PyMethod_Check(value) || PyCFunction_Check(value) != 0 ||
                           is_remote_method(value) || PyObject_TypeCheck(value, functools_partial()) != 0;
  if (!is_function && !py::isinstance(value, python_rules().by_reference)) return false;
  if (sharer_ == nullptr) throw Refused{kNoReference, false, {}, {}};
  PyObject* made = sharer_->share(value);
  if (made == nullptr) throw_raised();
  const auto shared = py::reinterpret_steal<py::object>(made);
  PyObject* contents = PyTuple_GET_ITEM(made, 2);
  weigh(kHeavy - 1);
  sharer_->add(PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(made, 0)));
  out_.put_extension(static_cast<Tag>(PyLong_AsLong(PyTuple_GET_ITEM(made, 1))), PyBytes_AS_STRING(contents),
                     static_cast<std::size_t>(PyBytes_GET_SIZE(contents)));
  return true;
}

// The integers from 2^63 to 2^64 - 1.
bool Encoder::put_unsigned(PyObject* value) {
  const std::uint64_t number = PyLong_AsUnsignedLongLong(value);
  if (number == static_cast<std::uint64_t>(-1) && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    return false;
  }
  out_.put(0xcf, number);
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
