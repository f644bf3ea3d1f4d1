// Lets a test refuse every thread that the process asks the system for: it stands before
// the system's pthread_create. For one source of a program. A sanitizer stands there
// itself, so there is no such thing under one.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

#include "support/sanitizers.hpp"

namespace weir {

#if WEIR_THREAD_SANITIZER || WEIR_ADDRESS_SANITIZER
inline constexpr bool can_refuse_threads = false;
#else
inline constexpr bool can_refuse_threads = true;
#endif

inline constinit std::atomic<bool> threads_are_refused{false};

/// While one lives, no thread can be made.
class RefusedThreads {
 public:
  RefusedThreads() { threads_are_refused = true; }
  ~RefusedThreads() { threads_are_refused = false; }
  RefusedThreads(const RefusedThreads&) = delete;
  RefusedThreads& operator=(const RefusedThreads&) = delete;
};

}  // namespace weir

#if !(WEIR_THREAD_SANITIZER || WEIR_ADDRESS_SANITIZER)
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) {
  if (weir::threads_are_refused) return EAGAIN;
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, run, argument);
}
#endif
