#include "bindings/python/passed_arguments.hpp"

#include <algorithm>

#include "bindings/python/references.hpp"
#include "bindings/python/stream_producer.hpp"
#include "bindings/python/stream_source.hpp"

namespace ipcbridge::python {

PyObject* PassedArguments::take_source(const StreamKey& stream) {
  const std::vector<StreamKey> opened = this->opened();
  const auto place = static_cast<std::size_t>(std::find(opened.begin(), opened.end(), stream) - opened.begin());
  return place < sources_.size() ? std::exchange(sources_[place], nullptr) : nullptr;
}

void PassedArguments::end() {
  if (binding_.is_alive()) binding_.forget_streams(*this);
  for (const StreamKey& stream : opened()) close_stream(binding_, stream);
  for (const InboundCall& call : take_due().calls) {
    binding_.reply_error(call.key, Code::kCancelled, "the call that passed this function was interrupted", {});
  }
  if (!references_.empty()) end_references(binding_, std::exchange(references_, {}));
  for (PyObject*& source : sources_) {
    if (source == nullptr) continue;
    close_source(source);
    Py_CLEAR(source);
  }
}

}  // namespace ipcbridge::python
