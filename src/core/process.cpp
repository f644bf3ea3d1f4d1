#include "core/process.hpp"

#include <pthread.h>

namespace weir::core {

constinit std::atomic<std::uint32_t> OwnerProcess::forks_{0};

OwnerProcess::OwnerProcess() noexcept {
  // No static local: a child made in the middle of its first use would wait for ever, where this starts anew.
  static pthread_once_t counting = PTHREAD_ONCE_INIT;
  pthread_once(&counting,
               [] { pthread_atfork(nullptr, nullptr, [] { forks_.fetch_add(1, std::memory_order_relaxed); }); });
  born_ = forks_.load(std::memory_order_relaxed);
}

Unsupported made_before_fork(const std::string& what, std::string name) {
  return Unsupported(what +
                         " was made before fork() and cannot be used after it: open devices and make pools in "
                         "the child",
                     {.name = std::move(name)});
}

}  // namespace weir::core
