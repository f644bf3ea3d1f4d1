// weir as a subject: the pointer door of one pool on the host device, with default options. Linked
// with the library as users have it, and once more with the build that tracks nothing.
#include <memory>

#include <weir/weir.hpp>

#include "subject.hpp"

namespace bench::subject {
namespace {

std::unique_ptr<weir::Pool> pool;

}  // namespace

void open(bool bypass_cache) {
  weir::PoolOptions options;
  if (bypass_cache) options.thread_cache_bytes = 0;
  pool = std::make_unique<weir::Pool>(weir::open_device({.backend = "host", .capacity = {}}), options);
}

void close() { pool.reset(); }
void* allocate(std::size_t bytes) { return pool->allocate(bytes); }
void deallocate(void* address, std::size_t) { pool->deallocate(address); }

#ifdef WEIR_NO_TRACKING
std::string version() { return "weir " WEIR_VERSION ", host device, without tracking"; }
#else
std::string version() { return "weir " WEIR_VERSION ", host device"; }
#endif

}  // namespace bench::subject
