#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/values/array_dtypes.hpp"
#include "bindings/python/values/wire_format.hpp"
#include "core/base/blob.hpp"
#include "core/base/bytes.hpp"

namespace ipcbridge::python {

// Makes the objects for the streams that a message carries.
class StreamMaker {
 public:
  StreamMaker() = default;
  virtual ~StreamMaker() = default;
  StreamMaker(const StreamMaker&) = delete;
  StreamMaker& operator=(const StreamMaker&) = delete;

  // The one with this number, counted from 0: a new reference. Null without an exception set when there is none, or it
  // has been given already.
  virtual PyObject* make(std::uint32_t place) = 0;
};

// Makes the objects for functions and objects of the peer's.
class ReferenceReceiver {
 public:
  ReferenceReceiver() = default;
  virtual ~ReferenceReceiver() = default;
  ReferenceReceiver(const ReferenceReceiver&) = delete;
  ReferenceReceiver& operator=(const ReferenceReceiver&) = delete;

  // `names`: of an object's methods; None for a function. A new reference, or null with an exception set.
  virtual PyObject* receive(std::uint64_t id, PyObject* names) = 0;
};

// Reads Python values from the bytes of docs/values.md, which may come from anybody: it takes nothing on trust,
// recurses no deeper than kMaxDepth, and allocates in proportion to the bytes that are there. Where bytes may be
// written to meanwhile, it makes some value of them or refuses them.
//
// Throws CodecError and error_already_set.
class Decoder {
 public:
  // Without `streams` there may be none among the values, and no references without `references`.
  // The message's attachments live for as long as what is read, where that is read where they lie.
  explicit Decoder(const Payload& message, StreamMaker* streams = nullptr, ReferenceReceiver* references = nullptr);
  // Of one of the items of a message, those before which have so many of its attachments.
  Decoder(const Payload& message, std::size_t attachments_taken) : Decoder(message) {
    attachments_taken_ = attachments_taken;
  }
  std::size_t attachments_taken() const { return attachments_taken_; }

  // The only value, or the arguments: a new (tuple, dict).
  PyObject* read_whole_value();
  PyObject* read_whole_arguments();
  // The same, with no dict where there are no keyword arguments.
  void read_arguments(pybind11::object& args, pybind11::object& keywords);

 private:
  // A list as a dict's key or a set's element is a tuple, a set a frozenset; a dict is refused there.
  enum class Place : bool { kAnywhere, kKey };
  using Values = std::vector<pybind11::object>;

  struct Dtype {
    const FixedDtype* fixed = nullptr;  // if it is one
    std::size_t size = 0;               // of an element, in bytes
    pybind11::object description;       // its name, or a tuple of the fields: (name, description, shape)
  };

  PyObject* read(unsigned depth, Place place);
  PyObject* read_typed(std::uint8_t head, unsigned depth, Place place);
  PyObject* read_text(std::size_t size);
  PyObject* read_key(unsigned depth);
  PyObject* expect_text(PyObject* text) const;
  PyObject* read_bytes(std::size_t size);
  PyObject* read_list(std::size_t count, unsigned depth, Place place);
  PyObject* read_list_items(std::size_t count, unsigned depth);
  PyObject* read_tuple_items(std::size_t count, unsigned depth, Place place);
  PyObject* read_dict(std::size_t count, unsigned depth, Place place);
  PyObject* read_dict_items(std::size_t count, unsigned depth);
  PyObject* read_extension(std::size_t size, unsigned depth, Place place);
  PyObject* read_set(unsigned depth, Place place);
  PyObject* read_any_dict(unsigned depth, Place place);
  const Attachment& take_attachment(std::size_t size);
  PyObject* read_attached(std::size_t size);
  PyObject* read_by_rule(std::int8_t tag, std::size_t size);
  PyObject* read_stream(std::size_t size);
  PyObject* read_reference(Tag tag, std::size_t size, unsigned depth);
  PyObject* read_names(unsigned depth);
  PyObject* read_keywords();
  PyObject* read_array(std::size_t size, Place place);
  PyObject* read_table(std::size_t size, Place place);
  pybind11::object read_stream_of_table();
  Dtype read_dtype(unsigned depth);
  Dtype read_fields(unsigned depth);
  std::string_view read_name();
  pybind11::object read_shape(std::size_t item_size, std::uint64_t& elements);
  std::uint64_t read_dimension();
  pybind11::object read_data(std::uint64_t size);
  bool attachment_follows();
  std::size_t read_list_head(const char* what);
  bool keywords_follow() const;

  std::uint8_t read_byte();
  template <typename Number>
  Number read_number();
  std::size_t read_size(std::uint8_t head, std::uint8_t head8);
  std::size_t read_extension_size(std::uint8_t head);
  const std::uint8_t* take(std::size_t size);
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  void expect_items(std::size_t count, const char* what);
  void expect_end() const;
  void weigh(std::size_t weight);
  [[noreturn]] void malformed(const char* reason) const;

  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;  // of the bytes, or of the contents of an extension
  std::size_t weight_ = 1;
  StreamMaker* streams_;
  ReferenceReceiver* references_;
  std::span<const Attachment> attachments_;
  std::size_t attachments_taken_ = 0;
};

inline const std::uint8_t* Decoder::take(std::size_t size) {
  if (size > left()) malformed("more bytes are announced than are there");
  const std::uint8_t* bytes = at_;
  at_ += size;
  return bytes;
}

inline std::uint8_t Decoder::read_byte() { return *take(1); }

template <typename Number>
Number Decoder::read_number() {
  const std::uint8_t* bytes = take(sizeof(Number));
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) number = number << 8U | bytes[i];
  return static_cast<Number>(number);
}

}  // namespace ipcbridge::python
