// A buffer of 8 GiB that grows by a tenth: in place with pages that the pool holds
// already, in place with pages from the driver, and by a copy, as without weir.
#include <cstdint>
#include <memory>

#include <weir/weir.hpp>

#include "measure.hpp"

namespace weir::bench::gpu {
namespace {

constexpr std::uint64_t before = std::uint64_t{8} << 30;
constexpr std::uint64_t page = std::uint64_t{2} << 20;
constexpr std::uint64_t after = (before + before / 10 + page - 1) / page * page;
constexpr int rounds = 5;

double grow_once(Pool& pool, StreamId stream) {
  const BlockHandle block = pool.acquire_growable(before, after, stream);
  const double start = seconds();
  if (!pool.resize(block, after, stream)) throw std::runtime_error("the block did not grow in place");
  const double spent = seconds() - start;
  pool.release(block, stream);
  return spent * 1e3;
}

void growth(Device& device) {
  const Stream stream = device.stream();
  Pool pool(device, {.idle_age = std::chrono::hours(1)});
  // The trim leaves as many pages as the grown buffer needs: held, or mapped in free ranges to be recycled.
  report("grow/in_place_with_pages", "ms", rounds, [&] { return grow_once(pool, stream); });
  report("grow/cold", "ms", rounds, [&] {
    static_cast<void>(pool.trim());
    return grow_once(pool, stream);
  });
  static_cast<void>(pool.trim());
  report("grow/allocate_copy_free", "ms", rounds, [&] {
    void* old = nullptr;
    check(cudaMalloc(&old, before), "cudaMalloc");
    const double start = seconds();
    void* fresh = nullptr;
    check(cudaMalloc(&fresh, after), "cudaMalloc");
    check(cudaMemcpy(fresh, old, before, cudaMemcpyDeviceToDevice), "cudaMemcpy");
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    check(cudaFree(old), "cudaFree");
    const double spent = seconds() - start;
    check(cudaFree(fresh), "cudaFree");
    return spent * 1e3;
  });
}

}  // namespace
}  // namespace weir::bench::gpu

int main() {
  return weir::bench::gpu::guarded([] {
    weir::Device device = weir::open_device({.backend = "cuda"});
    weir::bench::gpu::growth(device);
  });
}
