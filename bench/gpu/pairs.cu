// A block taken and given back: weir beside cudaMalloc/cudaFree and cudaMallocAsync
// with its release threshold at the maximum; then eight threads on eight streams.
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <weir/weir.hpp>

#include "measure.hpp"

namespace weir::bench::gpu {
namespace {

constexpr int rounds = 9;
constexpr std::size_t sizes[] = {std::size_t{1} << 10, std::size_t{2} << 20, std::size_t{64} << 20};

double weir_round(Pool& pool, std::size_t bytes, StreamId stream, int pairs) {
  const double start = seconds();
  for (int i = 0; i < pairs; ++i) pool.deallocate(pool.allocate(bytes, stream), stream);
  return (seconds() - start) / pairs * 1e9;
}

void one_thread(Device& device) {
  Pool pool(device);
  const Stream stream = device.stream();
  cudaStream_t native = nullptr;
  check(cudaStreamCreateWithFlags(&native, cudaStreamNonBlocking), "cudaStreamCreate");
  cudaMemPool_t async = nullptr;
  check(cudaDeviceGetDefaultMemPool(&async, 0), "cudaDeviceGetDefaultMemPool");
  std::uint64_t keep = UINT64_MAX;
  check(cudaMemPoolSetAttribute(async, cudaMemPoolAttrReleaseThreshold, &keep), "cudaMemPoolSetAttribute");
  for (const std::size_t bytes : sizes) {
    const std::string size = std::to_string(bytes >> 10) + "KiB";
    report("pair/weir/" + size, "ns", rounds, [&] { return weir_round(pool, bytes, stream, 200'000); });
    report("pair/cudaMalloc/" + size, "ns", rounds, [&] {
      constexpr int pairs = 50;
      const double start = seconds();
      for (int i = 0; i < pairs; ++i) {
        void* block = nullptr;
        check(cudaMalloc(&block, bytes), "cudaMalloc");
        check(cudaFree(block), "cudaFree");
      }
      return (seconds() - start) / pairs * 1e9;
    });
    report("pair/cudaMallocAsync/" + size, "ns", rounds, [&] {
      constexpr int pairs = 5'000;
      const double start = seconds();
      for (int i = 0; i < pairs; ++i) {
        void* block = nullptr;
        check(cudaMallocAsync(&block, bytes, native), "cudaMallocAsync");
        check(cudaFreeAsync(block, native), "cudaFreeAsync");
      }
      const double spent = seconds() - start;
      check(cudaStreamSynchronize(native), "cudaStreamSynchronize");
      return spent / pairs * 1e9;
    });
  }
  check(cudaStreamDestroy(native), "cudaStreamDestroy");
}

void many_threads(Device& device) {
  constexpr std::size_t bytes = std::size_t{2} << 20;
  constexpr int pairs = 500'000;
  Pool pool(device);
  double one = 0;
  for (const int count : {1, 8}) {
    const double rate = report("threads/weir/" + std::to_string(count), "pairs/s", rounds, [&] {
      std::vector<Stream> streams;
      for (int i = 0; i < count; ++i) streams.push_back(device.stream());
      std::atomic<int> ready{0};
      std::atomic<bool> go{false};
      std::vector<std::thread> crew;
      for (int i = 0; i < count; ++i) {
        crew.emplace_back([&, stream = streams[static_cast<std::size_t>(i)]] {
          static_cast<void>(weir_round(pool, bytes, stream, 1000));  // its caches are warm
          ++ready;
          while (!go) std::this_thread::yield();
          static_cast<void>(weir_round(pool, bytes, stream, pairs));
        });
      }
      while (ready != count) std::this_thread::yield();
      const double start = seconds();
      go = true;
      for (std::thread& each : crew) each.join();
      return static_cast<double>(count) * pairs / (seconds() - start);
    });
    if (count == 1) one = rate;
    if (count == 8) report("threads/weir/8_over_1", rate / one, "times");
  }
}

}  // namespace
}  // namespace weir::bench::gpu

int main() {
  return weir::bench::gpu::guarded([] {
    weir::Device device = weir::open_device({.backend = "cuda"});
    weir::bench::gpu::one_thread(device);
    weir::bench::gpu::many_threads(device);
  });
}
