// For binaries that bring an unwinder of their own, as released ones do (cmake/toolchains/zig.cmake).
//
// Before 3.14 CPython ends daemon threads, when the interpreter ends, by pthread_exit. glibc unwinds their stacks with
// the system's libgcc_s, which calls the personality routine of every frame with a context in its own layout. Our
// routine reads and writes contexts with functions of our unwinder, which crash on it. So while a stack is unwound in
// that way these functions, by --wrap of the linker, are the system's.

#include <dlfcn.h>
#include <unwind.h>

#include <cstdint>
#include <cstdlib>

extern "C" {
_Unwind_Reason_Code __real___gxx_personality_v0(int, _Unwind_Action, std::uint64_t, _Unwind_Exception*,
                                                _Unwind_Context*);
void __real__Unwind_Resume(_Unwind_Exception*);
std::uintptr_t __real__Unwind_GetIP(_Unwind_Context*);
std::uintptr_t __real__Unwind_GetLanguageSpecificData(_Unwind_Context*);
std::uintptr_t __real__Unwind_GetRegionStart(_Unwind_Context*);
void __real__Unwind_SetGR(_Unwind_Context*, int, std::uintptr_t);
void __real__Unwind_SetIP(_Unwind_Context*, std::uintptr_t);
}

namespace {

template <typename Function>
Function* of_system(const char* name) {
  // glibc has loaded it before it calls us.
  static void* const library = ::dlopen("libgcc_s.so.1", RTLD_LAZY | RTLD_NOLOAD);
  void* found = library == nullptr ? nullptr : ::dlsym(library, name);
  if (found == nullptr) std::abort();
  return reinterpret_cast<Function*>(found);
}

struct SystemUnwinder {
  decltype(__real__Unwind_Resume)* resume = of_system<decltype(__real__Unwind_Resume)>("_Unwind_Resume");
  decltype(__real__Unwind_GetIP)* get_ip = of_system<decltype(__real__Unwind_GetIP)>("_Unwind_GetIP");
  decltype(__real__Unwind_GetIP)* get_data =
      of_system<decltype(__real__Unwind_GetIP)>("_Unwind_GetLanguageSpecificData");
  decltype(__real__Unwind_GetIP)* get_start = of_system<decltype(__real__Unwind_GetIP)>("_Unwind_GetRegionStart");
  decltype(__real__Unwind_SetGR)* set_register = of_system<decltype(__real__Unwind_SetGR)>("_Unwind_SetGR");
  decltype(__real__Unwind_SetIP)* set_ip = of_system<decltype(__real__Unwind_SetIP)>("_Unwind_SetIP");
};

const SystemUnwinder& system_unwinder() {
  static const SystemUnwinder found;
  return found;
}

// Where our personality routine wants the system's unwinder to go on, instead of unwinding further.
struct LandingPad {
  std::uintptr_t registers[2] = {};  // the exception, and which handler is for it: 0 is none, only destructors
  std::uintptr_t address = 0;
};

// This thread is within our personality routine, called by the system's unwinder.
thread_local LandingPad* foreign = nullptr;

// The end of a thread is no exception that `catch (...)` or `noexcept` could stop: such a frame is left as it is.
_Unwind_Reason_Code land(const LandingPad& pad, _Unwind_Context* context) {
  if (pad.registers[1] != 0) return _URC_CONTINUE_UNWIND;
  system_unwinder().set_register(context, __builtin_eh_return_data_regno(0), pad.registers[0]);
  system_unwinder().set_register(context, __builtin_eh_return_data_regno(1), pad.registers[1]);
  system_unwinder().set_ip(context, pad.address);
  return _URC_INSTALL_CONTEXT;
}

// Both unwinders keep the function that is to be asked at each frame there, and nothing for exceptions that are thrown.
bool is_forced(const _Unwind_Exception& exception) { return exception.private_1 != 0; }

}  // namespace

extern "C" {

_Unwind_Reason_Code __wrap___gxx_personality_v0(int version, _Unwind_Action actions, std::uint64_t exception_class,
                                                _Unwind_Exception* exception, _Unwind_Context* context) {
  if ((actions & _UA_FORCE_UNWIND) == 0) {
    return __real___gxx_personality_v0(version, actions, exception_class, exception, context);
  }
  LandingPad pad;
  foreign = &pad;
  const _Unwind_Reason_Code result = __real___gxx_personality_v0(version, actions, exception_class, exception, context);
  foreign = nullptr;
  return result == _URC_INSTALL_CONTEXT ? land(pad, context) : result;
}

void __wrap__Unwind_Resume(_Unwind_Exception* exception) {
  (is_forced(*exception) ? system_unwinder().resume : &__real__Unwind_Resume)(exception);
}

std::uintptr_t __wrap__Unwind_GetIP(_Unwind_Context* context) {
  return (foreign != nullptr ? system_unwinder().get_ip : &__real__Unwind_GetIP)(context);
}

std::uintptr_t __wrap__Unwind_GetLanguageSpecificData(_Unwind_Context* context) {
  return (foreign != nullptr ? system_unwinder().get_data : &__real__Unwind_GetLanguageSpecificData)(context);
}

std::uintptr_t __wrap__Unwind_GetRegionStart(_Unwind_Context* context) {
  return (foreign != nullptr ? system_unwinder().get_start : &__real__Unwind_GetRegionStart)(context);
}

void __wrap__Unwind_SetGR(_Unwind_Context* context, int index, std::uintptr_t value) {
  if (foreign == nullptr) return __real__Unwind_SetGR(context, index, value);
  foreign->registers[index == __builtin_eh_return_data_regno(0) ? 0 : 1] = value;
}

void __wrap__Unwind_SetIP(_Unwind_Context* context, std::uintptr_t value) {
  if (foreign == nullptr) return __real__Unwind_SetIP(context, value);
  foreign->address = value;
}
}
