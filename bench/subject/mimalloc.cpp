// mimalloc as a subject, by its own interface.
#include <mimalloc.h>

#include "subject.hpp"

namespace bench::subject {

void open(bool) {}
void close() {}
void* allocate(std::size_t bytes) { return mi_malloc(bytes); }
void deallocate(void* address, std::size_t) { mi_free(address); }

std::string version() {
  const int digits = mi_version();  // 209 for 2.0.9
  return "mimalloc " + std::to_string(digits / 100) + "." + std::to_string(digits / 10 % 10) + "." +
         std::to_string(digits % 10);
}

}  // namespace bench::subject
