// jemalloc as a subject. Its library replaces malloc; mallocx and sdallocx
// were tried and are no quicker.
#include <jemalloc/jemalloc.h>

#include <string>

#include "subject.hpp"

namespace bench::subject {

void open(bool) {}
void close() {}
void* allocate(std::size_t bytes) { return malloc(bytes); }
void deallocate(void* address, std::size_t) { free(address); }

std::string version() {
  const char* text = "";
  std::size_t size = sizeof(const char*);
  mallctl("version", &text, &size, nullptr, 0);
  const std::string full = text;  // with the commit it was built from
  return "jemalloc " + full.substr(0, full.find('-'));
}

}  // namespace bench::subject
