#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/responder.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/encoder.hpp"

namespace ipcbridge::python {

// The functions and objects of this side that a message tells of, as its encoder meets them. With the GIL.
class SharedReferences final : public ReferenceSharer {
 public:
  // `retained_only`: of a result, and of a call that no thread waits for.
  SharedReferences(Responder& responder, bool retained_only) : responder_(responder), retained_only_(retained_only) {}
  // Touches Python only if something was shared, and neither taken nor ended.
  ~SharedReferences() override { forget_functions(); }
  SharedReferences(const SharedReferences&) = delete;
  SharedReferences& operator=(const SharedReferences&) = delete;

  PyObject* share(PyObject* value) override;
  void add(std::uint64_t id) override { ids_.push_back(id); }

  const std::vector<std::uint64_t>& ids() const { return ids_; }
  bool empty() const { return ids_.empty(); }
  // Some of them live no longer than their call does.
  bool any_of_call() const;
  std::vector<std::uint64_t> take() {
    forget_functions();
    return std::exchange(ids_, {});
  }
  // The call that passed them is over, or was not made; the answer has been sent. What is raised stays so.
  void end();

 private:
  void forget_functions() { Py_CLEAR(functions_); }

  Responder& responder_;
  bool retained_only_;
  std::vector<std::uint64_t> ids_;
  // The ids of functions of this message that are not retained: the same one is the same reference. A dict, or null.
  PyObject* functions_ = nullptr;
};

// The same, of ids that were taken.
void end_references(Responder& responder, const std::vector<std::uint64_t>& ids);

// Functions that a call has passed may be called although no thread waits for that any more: the streams of its result
// have not ended.
void outlive_wait(Responder& responder);

// Makes what calls the functions and objects of the peer's that a message over this connection tells of.
class ReceivedReferences final : public ReferenceReceiver {
 public:
  ReceivedReferences(Responder& responder, std::uint64_t connection) : responder_(responder), connection_(connection) {}
  PyObject* receive(std::uint64_t id, PyObject* names) override;

 private:
  Responder& responder_;
  std::uint64_t connection_;
};

// What nobody reads brings references all the same, which dropping them gives back. What is raised stays so.
void discard_result(const Payload& payload, StreamMaker* streams, ReferenceReceiver& references);

// How the calls of this side's references are handled: see Handlers. Borrowed; null when none has been shared.
PyObject* reference_handlers(Responder& responder);

void bind_references(pybind11::module_& module);

}  // namespace ipcbridge::python
