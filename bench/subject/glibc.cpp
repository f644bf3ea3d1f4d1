// The C library's malloc as a subject.
#include <gnu/libc-version.h>

#include <cstdlib>

#include "subject.hpp"

namespace bench::subject {

void open(bool) {}
void close() {}
void* allocate(std::size_t bytes) { return std::malloc(bytes); }
void deallocate(void* address, std::size_t) { std::free(address); }
std::string version() { return std::string("glibc ") + gnu_get_libc_version(); }

}  // namespace bench::subject
