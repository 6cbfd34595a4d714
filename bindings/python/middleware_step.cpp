#include "bindings/python/middleware_step.hpp"

#include <structmember.h>

#include <cstddef>
#include <string>

#include "bindings/python/errors.hpp"
#include "bindings/python/middleware_call.hpp"
#include "bindings/python/objects.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

struct Step {
  PyObject_HEAD vectorcallfunc vectorcall;
  Py_ssize_t place;
  PyObject* function;
  PyObject* following;       // null: this is the last
  PyObject* make_awaitable;  // or null
  PyObject* expect_repeatable;
};

PyTypeObject* type_of_steps = nullptr;

Step* self_of(PyObject* object) { return reinterpret_cast<Step*>(object); }

PyObject* call_middleware(PyObject* function, PyObject* call, PyObject* following) {
  PyObject* given[] = {nullptr, call, following};
  return PyObject_Vectorcall(function, &given[1], 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}

// Of a string the letters would be sent, which nobody means.
bool is_text(PyObject* args) { return PyUnicode_Check(args) != 0 || PyBytes_Check(args) != 0; }

// Whatever a middleware has put in place of the arguments.
PyObject* call_with_any(PyObject* function, PyObject* args, PyObject* kwargs) {
  PyObject* positional = is_text(args) ? nullptr : PySequence_Tuple(args);
  if (positional == nullptr && (PyErr_Occurred() == nullptr || PyErr_ExceptionMatches(PyExc_TypeError) != 0)) {
    PyErr_Clear();
    set_python_error({Code::kInvalidArgument,
                      std::string("a middleware's call.args is a tuple or a list, not ") + Py_TYPE(args)->tp_name});
  }
  PyObject* named = positional == nullptr ? nullptr : PyDict_New();
  PyObject* result = nullptr;
  if (named != nullptr && (kwargs == nullptr || PyDict_Update(named, kwargs) == 0)) {
    result = PyObject_Call(function, positional, named);
  } else if (named != nullptr &&
             (PyErr_ExceptionMatches(PyExc_AttributeError) != 0 || PyErr_ExceptionMatches(PyExc_TypeError) != 0)) {
    PyErr_Clear();
    set_python_error(
        {Code::kInvalidArgument, std::string("a middleware's call.kwargs is a dict, not ") + Py_TYPE(kwargs)->tp_name});
  }
  Py_XDECREF(named);
  Py_XDECREF(positional);
  return result;
}

PyObject* call_last(const Step* step, PyObject* object) {
  const MiddlewareCall* call = middleware_call_of(object);
  if (call->metadata != nullptr && call->served == nullptr) {
    return PyObject_CallMethod(call->entry, "send_with_metadata", "O", object);
  }
  PyObject* args = new_reference(call->args);  // another thread may replace them meanwhile
  PyObject* kwargs = call->kwargs;
  Py_XINCREF(kwargs);
  const bool has_names = kwargs != nullptr && (PyDict_CheckExact(kwargs) == 0 || PyDict_Size(kwargs) > 0);
  PyObject* result = PyTuple_CheckExact(args) != 0 && !has_names ? PyObject_Call(step->function, args, nullptr)
                                                                 : call_with_any(step->function, args, kwargs);
  Py_XDECREF(kwargs);
  Py_DECREF(args);
  return result;
}

// Of most that are: what is left is for Python to say.
bool is_awaitable(PyObject* object) {
  const PyAsyncMethods* methods = Py_TYPE(object)->tp_as_async;
  return methods != nullptr && methods->am_await != nullptr;
}

// What `next` does.
PyObject* go_on(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names) {
  const Step* self = self_of(object);
  if (PyVectorcall_NARGS(nargsf) != 1 || names != nullptr) {
    return PyErr_Format(PyExc_TypeError, "next() takes the call, and nothing else");
  }
  MiddlewareCall* call = middleware_call_of(args[0]);
  if (call == nullptr) {
    set_python_error({Code::kInvalidArgument, "next() takes the call that the middleware was given"});
    return nullptr;
  }
  // Those that are taken after this one have not been if this one is taken anew.
  if (call->steps >= self->place && !succeeded(PyObject_CallOneArg(self->expect_repeatable, args[0]))) return nullptr;
  call->steps = self->place;
  PyObject* result = take_step(object, args[0]);
  if (result == nullptr || self->make_awaitable == nullptr || is_awaitable(result)) return result;
  PyObject* passed = PyObject_CallOneArg(self->make_awaitable, result);
  Py_DECREF(result);
  return passed;
}

PyObject* or_null(PyObject* object) { return object == Py_None ? nullptr : new_reference(object); }

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* /*kwargs*/) {
  Py_ssize_t place = 0;
  PyObject* given[4] = {};
  if (PyArg_ParseTuple(args, "nOOOO:MiddlewareStep", &place, &given[0], &given[1], &given[2], &given[3]) == 0) {
    return nullptr;
  }
  if (given[1] != Py_None && !is_middleware_step(given[1])) {
    PyErr_SetString(PyExc_TypeError, "what follows a MiddlewareStep is one, or None");
    return nullptr;
  }
  PyObject* object = type->tp_alloc(type, 0);
  if (object == nullptr) return nullptr;
  Step* self = self_of(object);
  self->vectorcall = &go_on;
  self->place = place;
  self->function = new_reference(given[0]);
  self->following = or_null(given[1]);
  self->make_awaitable = or_null(given[2]);
  self->expect_repeatable = new_reference(given[3]);
  return object;
}

// No cycle leads through steps alone: entries and users' functions end the others.
int traverse(PyObject* object, visitproc visit, void* arg) {
  Step* self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->function);
  Py_VISIT(self->following);
  Py_VISIT(self->make_awaitable);
  Py_VISIT(self->expect_repeatable);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Step* self = self_of(object);
  for (PyObject* held : {self->function, self->following, self->make_awaitable, self->expect_repeatable}) {
    Py_XDECREF(held);
  }
  type->tp_free(object);
  Py_DECREF(type);
}

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Step, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, slot(&make)},        {Py_tp_call, slot(&PyVectorcall_Call)},
    {Py_tp_dealloc, slot(&dealloc)}, {Py_tp_traverse, slot(&traverse)},
    {Py_tp_members, members},        {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.MiddlewareStep",
    static_cast<int>(sizeof(Step)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    slots,
};

}  // namespace

bool is_middleware_step(PyObject* object) { return Py_TYPE(object) == type_of_steps; }

PyObject* take_step(PyObject* step, PyObject* call) {
  const Step* self = self_of(step);
  return self->following == nullptr ? call_last(self, call) : call_middleware(self->function, call, self->following);
}

void add_middleware_step_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_steps = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  module.attr("MiddlewareStep") = type;
}

}  // namespace ipcbridge::python
