#include "contract/counted_heap.hpp"

#include <dlfcn.h>

#include <cstddef>
#include <cstdlib>
#include <new>

#include "support/sanitizers.hpp"

#if WEIR_ADDRESS_SANITIZER || WEIR_THREAD_SANITIZER

namespace weir::contract {

bool heap_is_counted() noexcept { return false; }
std::uint64_t heap_allocations() noexcept { return 0; }
std::uint64_t exceptions_thrown() noexcept { return 0; }

}  // namespace weir::contract

#else

namespace {

thread_local std::uint64_t count = 0;
thread_local std::uint64_t thrown = 0;

void* counted(std::size_t bytes, std::size_t alignment) {
  ++count;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

constexpr std::size_t ordinary = alignof(std::max_align_t);

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, ordinary); }
void* operator new[](std::size_t bytes) { return counted(bytes, ordinary); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

// Every throw of the program comes here, and goes on to the C++ library's own.
extern "C" [[noreturn]] void __cxa_throw(void* what, void* type, void (*destroy)(void*)) {  // NOLINT: its name
  using Throw = void (*)(void*, void*, void (*)(void*));
  static const auto next = reinterpret_cast<Throw>(dlsym(RTLD_NEXT, "__cxa_throw"));
  ++thrown;
  next(what, type, destroy);
  std::abort();  // it does not come back
}

namespace weir::contract {

bool heap_is_counted() noexcept { return true; }
std::uint64_t heap_allocations() noexcept { return count; }
std::uint64_t exceptions_thrown() noexcept { return thrown; }

}  // namespace weir::contract

#endif
