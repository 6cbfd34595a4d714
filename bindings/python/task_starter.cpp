#include "bindings/python/task_starter.hpp"

#include <structmember.h>

#include <algorithm>
#include <cstddef>

#include "bindings/python/answer.hpp"
#include "bindings/python/handler_coroutine.hpp"
#include "bindings/python/objects.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

#if PY_VERSION_HEX >= 0x030C0000
constexpr bool kEager = true;
#else
constexpr bool kEager = false;
#endif

// Names and values that each call needs; made once, never freed.
PyObject* call_soon_name = nullptr;
PyObject* create_task_name = nullptr;
PyObject* get_task_factory_name = nullptr;
PyObject* task_keywords = nullptr;

struct TaskStarter {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* loop;
  PyObject* task_type;
  int can_step;
  PyObject* take_step;  // bound to the loop
  PyObject* name;
  PyObject* handler;
  PyObject* failed;
  PyObject* track;
};

TaskStarter* self_of(PyObject* object) { return reinterpret_cast<TaskStarter*>(object); }

// The first step of a task that is being made, which loop.call_soon() would put behind what else the loop has to do.
struct FirstStep {
  PyObject* step = nullptr;
  PyObject* context = nullptr;
};
thread_local FirstStep* awaited_step = nullptr;

PyObject* call_usual_call_soon(PyObject* loop, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  PyObject* usual = PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(loop)), call_soon_name);
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  auto** given = PyMem_New(PyObject*, static_cast<std::size_t>(1 + count + named));
  PyObject* handle = nullptr;
  if (usual != nullptr && given != nullptr) {
    given[0] = loop;
    std::copy_n(args, count + named, given + 1);
    handle = PyObject_Vectorcall(usual, given, static_cast<std::size_t>(1 + count), names);
  } else if (usual != nullptr) {
    PyErr_NoMemory();
  }
  PyMem_Free(given);
  Py_XDECREF(usual);
  return handle;
}

// Stands in for loop.call_soon() while a task is made: call_soon(step, context=context).
PyObject* take_step(PyObject* loop, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  FirstStep* awaited = awaited_step;
  if (awaited != nullptr && awaited->step == nullptr && count == 1 && names != nullptr &&
      PyTuple_GET_SIZE(names) == 1) {
    awaited->step = new_reference(args[0]);
    awaited->context = new_reference(args[1]);
    Py_RETURN_NONE;
  }
  // A finaliser that runs meanwhile, say.
  return call_usual_call_soon(loop, args, count, names);
}

PyMethodDef step_taker = {"call_soon", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&take_step)),
                          METH_FASTCALL | METH_KEYWORDS, nullptr};

PyObject* make_task(const TaskStarter* self, PyObject* coroutine) {
  PyObject* given[] = {coroutine, self->loop, self->name, Py_True};
  return PyObject_Vectorcall(self->task_type, given, 1, task_keywords);
}

// False with an exception set, as before where there is one.
bool run_step(const FirstStep& first) {
  if (first.step == nullptr) return true;
  bool is_run = false;
  if (PyErr_Occurred() == nullptr && PyContext_Enter(first.context) == 0) {
    is_run = succeeded(PyObject_CallNoArgs(first.step));
    is_run = PyContext_Exit(first.context) == 0 && is_run;
  }
  Py_DECREF(first.step);
  Py_DECREF(first.context);
  return is_run;
}

PyObject* make_and_step(const TaskStarter* self, PyObject* coroutine) {
  if (PyObject_SetAttr(self->loop, call_soon_name, self->take_step) != 0) return nullptr;
  FirstStep first;
  FirstStep* const outer = awaited_step;
  awaited_step = &first;
  PyObject* task = make_task(self, coroutine);
  awaited_step = outer;
  const bool is_usual = PyObject_DelAttr(self->loop, call_soon_name) == 0;
  if (!run_step(first) || !is_usual) Py_CLEAR(task);
  return task;
}

bool has_factory(const TaskStarter* self, bool& failed) {
  PyObject* factory = PyObject_CallMethodNoArgs(self->loop, get_task_factory_name);
  failed = factory == nullptr;
  Py_XDECREF(factory);
  return factory != Py_None;
}

PyObject* begin(const TaskStarter* self, PyObject* coroutine) {
  bool failed = false;
  if (has_factory(self, failed)) {
    return failed ? nullptr : PyObject_CallMethodOneArg(self->loop, create_task_name, coroutine);
  }
  if (kEager) return make_task(self, coroutine);
  if (self->can_step != 0) return make_and_step(self, coroutine);
  return PyObject_CallMethodOneArg(self->loop, create_task_name, coroutine);
}

bool track(const TaskStarter* self, PyObject* call, PyObject* task) {
  PyObject* given[] = {call, task};
  return succeeded(PyObject_Vectorcall(self->track, given, 2, nullptr));
}

bool begin_and_track(const TaskStarter* self, PyObject* call, PyObject* handlers_own) {
  PyObject* coroutine = new_handler_coroutine(call, handlers_own, self->failed);
  if (coroutine == nullptr) return false;
  PyObject* task = begin(self, coroutine);
  const bool is_begun = task != nullptr && (has_ended(coroutine) || track(self, call, task));
  Py_XDECREF(task);
  Py_DECREF(coroutine);
  return is_begun;
}

PyObject* start(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* /*names*/) {
  if (PyVectorcall_NARGS(nargsf) != 1) return PyErr_Format(PyExc_TypeError, "start(call)");
  const TaskStarter* self = self_of(object);
  Stage stage = Stage::kArguments;
  PyObject* coroutine = call_handler(args[0], self->handler, stage);
  if (coroutine == nullptr) return answer_with_error(args[0], stage, nullptr, self->failed);
  const bool is_begun = begin_and_track(self, args[0], coroutine);
  Py_DECREF(coroutine);
  // No task could be made: the call is answered all the same.
  if (!is_begun) return answer_with_error(args[0], Stage::kHandler, nullptr, self->failed);
  Py_RETURN_NONE;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* /*kwargs*/) {
  PyObject* given[6] = {};
  int can_step = 0;
  if (PyArg_ParseTuple(args, "OOpOOOO:TaskStarter", &given[0], &given[1], &can_step, &given[2], &given[3], &given[4],
                       &given[5]) == 0) {
    return nullptr;
  }
  PyObject* taker = PyCFunction_New(&step_taker, given[0]);
  if (taker == nullptr) return nullptr;
  PyObject* object = type->tp_alloc(type, 0);
  if (object == nullptr) {
    Py_DECREF(taker);
    return nullptr;
  }
  TaskStarter* self = self_of(object);
  self->vectorcall = &start;
  self->loop = new_reference(given[0]);
  self->task_type = new_reference(given[1]);
  self->can_step = can_step;
  self->take_step = taker;
  self->name = new_reference(given[2]);
  self->handler = new_reference(given[3]);
  self->failed = new_reference(given[4]);
  self->track = new_reference(given[5]);
  return object;
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  TaskStarter* self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->loop);
  Py_VISIT(self->task_type);
  Py_VISIT(self->take_step);
  Py_VISIT(self->handler);
  Py_VISIT(self->failed);
  Py_VISIT(self->track);
  return 0;
}

int clear(PyObject* object) {
  // Nothing is dropped that a start in progress needs; the cycles lead through these two.
  Py_CLEAR(self_of(object)->take_step);
  Py_CLEAR(self_of(object)->track);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  TaskStarter* self = self_of(object);
  for (PyObject* held :
       {self->loop, self->task_type, self->take_step, self->name, self->handler, self->failed, self->track}) {
    Py_XDECREF(held);
  }
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* begin_coroutine(PyObject* object, PyObject* coroutine) { return begin(self_of(object), coroutine); }

PyMethodDef methods[] = {
    {"begin", &begin_coroutine, METH_O, "A task that runs the coroutine, and has run until it first waits."},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(TaskStarter, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, slot(&make)},        {Py_tp_call, slot(&PyVectorcall_Call)},
    {Py_tp_dealloc, slot(&dealloc)}, {Py_tp_traverse, slot(&traverse)},
    {Py_tp_clear, slot(&clear)},     {Py_tp_methods, methods},
    {Py_tp_members, members},        {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.TaskStarter",
    static_cast<int>(sizeof(TaskStarter)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    slots,
};

}  // namespace

void add_task_starter_type(py::module_& module) {
  call_soon_name = PyUnicode_InternFromString("call_soon");
  create_task_name = PyUnicode_InternFromString("create_task");
  get_task_factory_name = PyUnicode_InternFromString("get_task_factory");
  task_keywords =
      kEager ? Py_BuildValue("(sss)", "loop", "name", "eager_start") : Py_BuildValue("(ss)", "loop", "name");
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type || PyErr_Occurred() != nullptr) throw py::error_already_set();
  module.attr("TaskStarter") = type;
}

}  // namespace ipcbridge::python
