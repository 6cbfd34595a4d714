#include "tests/core/support/failing_memory.hpp"

#include <cstdlib>
#include <new>

namespace ipcbridge::testing_support {
namespace {

struct Plan {
  std::size_t spared = 0;
  std::size_t failing = 0;
  bool armed = false;
  bool failed = false;
};

thread_local Plan plan;

}  // namespace

bool allocation_fails() {
  if (!plan.armed || plan.failing == 0) return false;
  if (plan.spared > 0) {
    --plan.spared;
    return false;
  }
  --plan.failing;
  plan.failed = true;
  return true;
}

FailingMemory::FailingMemory(std::size_t spared, std::size_t count) { plan = {spared, count, false, false}; }
FailingMemory::~FailingMemory() { plan = {}; }
bool FailingMemory::has_failed() { return plan.failed; }
FailingMemory::Armed::Armed() { plan.armed = true; }
FailingMemory::Armed::~Armed() { plan.armed = false; }

}  // namespace ipcbridge::testing_support

// Of the whole test program; the other forms call these, or under a sanitizer are its own.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return ipcbridge::testing_support::allocation_fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
}

void* operator new(std::size_t size) {
  void* memory = operator new(size, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
