// Blocks that two streams use while work is in flight: taken on one, written there and then on the other, freed while
// both are still at work, and not to be handed out again before that is done. weir (used_on) beside cudaMallocAsync
// (freed on the other stream, which comes later); PyTorch's allocator (recordStream) runs the same in torch_peer.cpp.
// With one thread and with eight, each on two streams of its own.
#include <cstdint>
#include <string>
#include <vector>

#include <weir/cuda.hpp>
#include <weir/weir.hpp>

#include "across.hpp"

namespace weir::bench::gpu {
namespace {

/// weir's streams for one thread.
struct Own {
  Stream first, second;
};

void in_weir(Device& device, std::size_t threads) {
  Pool pool(device);
  std::vector<Own> own;
  std::vector<TwoStreams> native;
  for (std::size_t i = 0; i < threads; ++i) {
    own.push_back({device.stream(), device.stream()});
    native.emplace_back(cuda::native(device, own[i].first), cuda::native(device, own[i].second));
  }
  report_across("weir", native, [&](std::size_t thread, const TwoStreams& streams) {
    const Own& mine = own[thread];
    void* const block = pool.allocate(across_bytes, mine.first);
    streams.work(block);
    pool.used_on(block, mine.second);
    pool.deallocate(block, mine.first);
  });
}

void in_async_pool(std::size_t threads) {
  cudaMemPool_t pool = nullptr;
  check(cudaDeviceGetDefaultMemPool(&pool, 0), "cudaDeviceGetDefaultMemPool");
  std::uint64_t keep = UINT64_MAX;
  check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep), "cudaMemPoolSetAttribute");
  report_across("cudaMallocAsync", own_streams(threads), [](std::size_t, const TwoStreams& streams) {
    void* block = nullptr;
    check(cudaMallocAsync(&block, across_bytes, streams.first()), "cudaMallocAsync");
    streams.work(block);
    check(cudaFreeAsync(block, streams.second()), "cudaFreeAsync");
  });
  check(cudaMemPoolTrimTo(pool, 0), "cudaMemPoolTrimTo");
}

/// The same work on blocks that are there, without an allocator.
void work_alone(std::size_t threads) {
  std::vector<void*> blocks(threads, nullptr);
  for (void*& block : blocks) check(cudaMalloc(&block, across_bytes), "cudaMalloc");
  report_across("work_alone", own_streams(threads),
                [&](std::size_t thread, const TwoStreams& streams) { streams.work(blocks[thread]); });
  for (void* block : blocks) check(cudaFree(block), "cudaFree");
}

}  // namespace
}  // namespace weir::bench::gpu

int main() {
  return weir::bench::gpu::guarded([] {
    weir::Device device = weir::open_device({.backend = "cuda"});
    for (const std::size_t threads : {std::size_t{1}, std::size_t{8}}) {
      weir::bench::gpu::in_weir(device, threads);
      weir::bench::gpu::in_async_pool(threads);
      weir::bench::gpu::work_alone(threads);
    }
  });
}
