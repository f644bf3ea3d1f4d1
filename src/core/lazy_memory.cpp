#include "core/lazy_memory.hpp"

#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::core {

void* map_lazy(std::size_t bytes, const char* what) {
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw no_addresses(bytes, what, errno);
  return address;
}

void unmap_lazy(void* address, std::size_t bytes) noexcept { munmap(address, bytes); }

OutOfMemory no_addresses(std::size_t bytes, const char* what, int code) {
  return OutOfMemory("the system gives no " + format_bytes(bytes) + " of addresses for " + what + ": " +
                         std::strerror(code) +
                         "; raise the address space of the process (ulimit -v) or the number of its mappings "
                         "(sysctl vm.max_map_count), or use fewer pools",
                     {.name = what, .bytes_asked = bytes, .native_code = code});
}

std::optional<std::uint64_t> address_space_limit() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

}  // namespace weir::core
