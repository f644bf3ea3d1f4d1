// oneTBB's scalable allocator as a subject, by its own interface.
#include <oneapi/tbb/scalable_allocator.h>
#include <oneapi/tbb/version.h>

#include "subject.hpp"

namespace bench::subject {

void open(bool) {}
void close() {}
void* allocate(std::size_t bytes) { return scalable_malloc(bytes); }
void deallocate(void* address, std::size_t) { scalable_free(address); }
std::string version() { return std::string("oneTBB scalable_malloc ") + TBB_VERSION_STRING; }

}  // namespace bench::subject
