#include "bindings/python/pending_calls.hpp"

#include <string_view>
#include <utility>

#include "bindings/python/errors.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/references.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"

namespace ipcbridge::python {
namespace {

PyObject* future_of(std::uint64_t token) {
  return reinterpret_cast<PyObject*>(token);  // NOLINT(performance-no-int-to-ptr)
}

bool succeed(PyObject* future, const Payload& payload, StreamMaker* streams, ReferenceReceiver& references) {
  static PyObject* const kSetResult = PyUnicode_InternFromString("set_result");
  const char* const root = "";
  PyObject* value = with_codec_errors(root, [&] { return Decoder(payload, streams, &references).read_whole_value(); });
  if (value == nullptr) return set_raised(future);
  const bool is_set = succeeded(PyObject_CallMethodOneArg(future, kSetResult, value));
  Py_DECREF(value);
  return is_set;
}

bool fail(PyObject* future, const EventBatch& batch, const EventRow& row) {
  const std::string_view code = code_name(static_cast<Code>(row.words[EventRow::kCode]));
  const std::string_view message = batch.message(row);
  const ConstBytes details = batch.payload(row);
  PyObject* text = PyUnicode_DecodeUTF8(message.data(), static_cast<Py_ssize_t>(message.size()), "replace");
  if (text == nullptr) return false;
  return succeeded(PyObject_CallMethod(future, "fail", "s#Ny#i", code.data(), static_cast<Py_ssize_t>(code.size()),
                                       text, reinterpret_cast<const char*>(details.data()),
                                       static_cast<Py_ssize_t>(details.size()),
                                       static_cast<int>(row.words[EventRow::kEnding])));
}

}  // namespace

bool is_done(PyObject* future) {
  static PyObject* const kName = PyUnicode_InternFromString("done");
  PyObject* answer = PyObject_CallMethodNoArgs(future, kName);
  const bool is_true = answer == Py_True;
  if (answer == nullptr) PyErr_Clear();
  Py_XDECREF(answer);
  return is_true;
}

bool set_raised(PyObject* future) {
  static PyObject* const kSetException = PyUnicode_InternFromString("set_exception");
  PyObject* error = take_exception().release().ptr();
  const bool is_set = succeeded(PyObject_CallMethodOneArg(future, kSetException, error));
  Py_DECREF(error);
  return is_set;
}

void PendingCalls::add(PyObject* future, ClientId client, PyObject* keeper, const StreamLimits& limits) {
  calls_.insert(token(future), Pending{client, keeper, limits});
  Py_INCREF(future);
  Py_INCREF(keeper);
}

ClientId PendingCalls::remove(PyObject* future) {
  const Pending* found = calls_.find(token(future));
  if (found == nullptr) return 0;
  const Pending pending = *found;
  removed_.push_back(future);
  calls_.erase(token(future));
  Py_DECREF(pending.keeper);
  return pending.client;
}

void PendingCalls::drop_removed() {
  for (PyObject* future : std::exchange(removed_, {})) Py_DECREF(future);
}

bool PendingCalls::settle(const EventBatch& batch, const EventRow& row, StreamMaker* streams,
                          ReferenceReceiver& references) {
  const std::uint64_t token = row.wide(EventRow::kToken);
  const bool has_result = row.words[EventRow::kCode] == 0;
  const Pending* found = calls_.find(token);
  if (found == nullptr) {
    if (has_result) discard_result(batch.whole_payload(row), streams, references);
    return true;
  }
  PyObject* keeper = found->keeper;
  calls_.erase(token);
  PyObject* future = future_of(token);
  bool settled = true;
  if (!is_done(future)) {
    settled = has_result ? succeed(future, batch.whole_payload(row), streams, references) : fail(future, batch, row);
    if (!settled) settled = set_raised(future);
  } else if (has_result) {
    discard_result(batch.whole_payload(row), streams, references);
  }
  Py_DECREF(future);
  Py_DECREF(keeper);
  return settled;
}

void PendingCalls::clear() {
  IdMap<Pending> calls;
  std::swap(calls, calls_);  // dropping a future may run any code
  calls.for_each([](std::uint64_t token, const Pending& pending) {
    Py_DECREF(future_of(token));
    Py_DECREF(pending.keeper);
  });
  drop_removed();
}

}  // namespace ipcbridge::python
