// Decoder: what is attached to the message.
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/copied.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/made.hpp"
#include "bindings/python/values/wire_format.hpp"
#include "core/base/pages.hpp"

namespace ipcbridge::python {

// In place of bytes: its head is read then.
bool Decoder::attachment_follows() {
  if (left() < 2 || at_[0] != 0xd6 || at_[1] != static_cast<std::uint8_t>(Tag::kAttached)) return false;
  at_ += 2;
  return true;
}

// In their order, so that none is read twice, which would make much of little.
const Attachment& Decoder::take_attachment(std::size_t size) {
  if (size != sizeof(std::uint32_t)) malformed("an attachment without its place");
  if (attachments_taken_ == attachments_.size() || read_number<std::uint32_t>() != attachments_taken_) {
    malformed("an attachment that did not come with the message, or not in its order");
  }
  return attachments_[attachments_taken_++];
}

// Nobody else has the object while it is filled.
PyObject* Decoder::read_attached(std::size_t size) {
  const MutableBytes from = take_attachment(size).bytes;
  PyObject* bytes = check(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(from.size())));
  char* const to = PyBytes_AS_STRING(bytes);
  prefer_large_pages(reinterpret_cast<std::byte*>(to), from.size());
  copy_without_gil(to, from);
  return bytes;
}

}  // namespace ipcbridge::python
