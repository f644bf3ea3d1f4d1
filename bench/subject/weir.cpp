// weir as a subject: the pointer door of one pool on the host device, with default options. Linked
// with the library as users have it, and once more with the build that tracks nothing.
#include <memory>
#include <mutex>
#include <vector>

#include <weir/weir.hpp>

#include "subject.hpp"

namespace bench::subject {
namespace {

std::unique_ptr<weir::Pool> pool;
std::vector<weir::Stream> streams;  // under the mutex
std::mutex streams_mutex;
bool any_streams = false;
thread_local weir::StreamId stream = weir::StreamId::legacy_default;

}  // namespace

void open(bool bypass_cache) {
  weir::PoolOptions options;
  if (bypass_cache) options.thread_cache_bytes = 0;
  pool = std::make_unique<weir::Pool>(weir::open_device({.backend = "host", .capacity = {}}), options);
}

void close() {
  streams.clear();
  pool.reset();
}
void take_stream() {
  const std::lock_guard lock(streams_mutex);
  weir::Device device = pool->device();
  streams.push_back(device.stream());
  stream = streams.back();
  any_streams = true;
}
void* allocate(std::size_t bytes) {
  if (any_streams) [[unlikely]]
    return pool->allocate(bytes, stream);
  return pool->allocate(bytes);
}
void deallocate(void* address, std::size_t) {
  if (any_streams) [[unlikely]]
    return pool->deallocate(address, stream);
  pool->deallocate(address);
}

#ifdef WEIR_NO_TRACKING
std::string version() { return "weir " WEIR_VERSION ", host device, without tracking"; }
#else
std::string version() { return "weir " WEIR_VERSION ", host device"; }
#endif

}  // namespace bench::subject
