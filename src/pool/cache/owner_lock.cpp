#include "pool/cache/owner_lock.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace weir::pool {

const bool OwnerLock::barriers_on_demand_ =
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;

void OwnerLock::barrier() noexcept {
  if (barriers_on_demand_) {
    // Once registered it fails only where the kernel is short of memory for the call itself; and without it an owner
    // may be inside unseen.
    while (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0 && errno == ENOMEM) {
      std::this_thread::yield();
    }
  } else {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
}

void OwnerLock::await_owner() const noexcept {
  while (inside_.load(std::memory_order_acquire)) std::this_thread::yield();
}

}  // namespace weir::pool
