// The standard library's thread-safe pool resource as a subject, over its default upstream. The
// alignment is malloc's, as the other peers give it.
#include <cstddef>
#include <memory>
#include <memory_resource>

#include "subject.hpp"

namespace bench::subject {
namespace {

std::unique_ptr<std::pmr::synchronized_pool_resource> pool;

}  // namespace

void open(bool) { pool = std::make_unique<std::pmr::synchronized_pool_resource>(); }
void close() { pool.reset(); }
void* allocate(std::size_t bytes) { return pool->allocate(bytes, alignof(std::max_align_t)); }
void deallocate(void* address, std::size_t bytes) { pool->deallocate(address, bytes, alignof(std::max_align_t)); }
std::string version() { return "libstdc++ " + std::to_string(_GLIBCXX_RELEASE) + " synchronized_pool_resource"; }

}  // namespace bench::subject
