#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/values/attached.hpp"
#include "bindings/python/values/message_buffer.hpp"
#include "bindings/python/values/text.hpp"
#include "bindings/python/values/wire_format.hpp"

namespace ipcbridge::python {

// Takes functions and objects that travel by reference: docs/values.md.
class ReferenceSharer {
 public:
  ReferenceSharer() = default;
  virtual ~ReferenceSharer() = default;
  ReferenceSharer(const ReferenceSharer&) = delete;
  ReferenceSharer& operator=(const ReferenceSharer&) = delete;

  // A new tuple (id, tag, the contents of the extension), or null with an exception set.
  virtual PyObject* share(PyObject* value) = 0;
  // One that has been put into the message.
  virtual void add(std::uint64_t id) = 0;
};

// References that are kept while code runs that may drop what they were read from.
class HeldReferences;

// Writes Python values as docs/values.md says. Properties, iterators and finalizers run while a value is walked, and
// let other threads in: they may change any list, dict or set. So each is read at one moment: without a break as long
// as only scalars are met, and the rest of it copied before the first value for which other code might run.
//
// Throws Refused, CodecError, error_already_set and bad_alloc.
class Encoder {
 public:
  Encoder() = default;
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  // Generators, and what else is a stream, are refused unless this is said. They are then kept, in the order of their
  // places in the message.
  void accept_streams() { accepts_streams_ = true; }
  std::uint32_t stream_count() const { return static_cast<std::uint32_t>(streams_.size()); }
  // Owned by the caller from now on.
  std::vector<PyObject*> take_streams() { return std::move(streams_); }

  // What is large is kept out of the message, and is attached to it: so many are already. Else all of it is in the
  // bytes.
  void accept_attachments(std::size_t there = 0) {
    accepts_attachments_ = true;
    attached_before_ = there;
  }
  // To be called once, after the last put.
  Attachments place_attachments(const Driver::Allocator& allocator) { return attached_.place(allocator); }
  bool has_attachments() const { return attached_.size() != 0; }

  // A stream is refused because it is one within a stream.
  void write_item() { is_item_ = true; }

  // Functions, and what else goes by reference, are refused unless this is said.
  void accept_references(ReferenceSharer& sharer) { sharer_ = &sharer; }

  // What the arguments of a call of a reference begin with.
  void put_reference(std::uint64_t id) { out_.put(&id, sizeof id); }
  // One value, which the caller keeps alive.
  void put_value(PyObject* value) { put(value, 0); }
  // The list of positional arguments, an element longer if keywords follow.
  void put_arguments(PyObject* const* args, Py_ssize_t count, bool keywords);
  // The keyword arguments: an exact dict.
  void put_keywords(PyObject* keywords);

  // What has been put, until the next put or the end of this.
  ConstBytes contents() const { return out_.contents(); }
  // Whether that is in this object itself, so that its destructor touches no Python.
  bool is_short() const { return out_.is_short(); }

  // The bytes object, or null with an exception set. Nothing may be put any more.
  PyObject* finish() { return out_.finish(); }

 private:
  friend class HeldReferences;

  bool put_scalar(PyObject* value);
  void put(PyObject* value, unsigned depth);
  bool put_plain(PyObject* value, PyObject* holder, unsigned depth);
  bool put_container(PyObject* value, PyObject* holder, unsigned depth);
  void put_simplified(PyObject* original, unsigned depth);
  bool put_stream(PyObject* value);
  bool put_by_reference(PyObject* value);
  void put_list(PyObject* list, PyObject* holder, unsigned depth);
  void put_tuple(PyObject* tuple, PyObject* holder, unsigned depth);
  void put_set(PyObject* set, PyObject* holder, unsigned depth);
  void put_dict(PyObject* dict, PyObject* holder, unsigned depth);
  void put_any_dict(PyObject* dict, PyObject* holder, unsigned depth);
  void put_pairs(HeldReferences& pairs, Py_ssize_t first, PyObject* holder, unsigned depth);
  void put_items(HeldReferences& items, Py_ssize_t first, PyObject* holder, unsigned depth);
  void put_bytes(PyObject* bytes);
  bool put_bytes_like(PyObject* value);
  bool may_attach(std::size_t size) const;
  void put_attached();
  bool put_unsigned(PyObject* value);
  bool put_ndarray(PyObject* value);
  void put_array(PyObject* array);
  void put_table(PyObject* table);
  void put_dtype(PyObject* dtype);
  void put_shape(PyObject* shape);
  std::size_t begin_parts(std::size_t count);
  class HeldBuffer;
  void end_parts(Tag tag, std::size_t begun, HeldBuffer& held);
  void weigh(std::size_t weight);

  MessageBuffer out_;
  std::size_t weight_ = 1;  // of one value; a container adds that of its items when it begins
  std::vector<PyObject*> held_;
  bool accepts_streams_ = false;
  bool is_item_ = false;
  std::vector<PyObject*> streams_;  // owned
  AttachedObjects attached_;
  std::size_t attached_before_ = 0;
  bool accepts_attachments_ = false;
  ReferenceSharer* sharer_ = nullptr;
};

}  // namespace ipcbridge::python
