#include "core/lazy_memory.hpp"

#include <sys/mman.h>

#include <new>

namespace weir::core {

void* map_lazy(std::size_t bytes) {
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw std::bad_alloc();
  return address;
}

void unmap_lazy(void* address, std::size_t bytes) noexcept { munmap(address, bytes); }

}  // namespace weir::core
