// PyTorch's caching allocator from C++: a pair, and the scaled requests that
// weir_gpu_trace has written. Built by scripts/gpu/run against the torch it finds.
//   torch_peer OPERATIONS_FILE
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>

#include "measure.hpp"

namespace weir::bench::gpu {
namespace {

namespace caching = c10::cuda::CUDACachingAllocator;

void pairs() {
  for (const std::size_t bytes : {std::size_t{1} << 10, std::size_t{2} << 20, std::size_t{64} << 20}) {
    report("pair/torch/" + std::to_string(bytes >> 10) + "KiB", "ns", 9, [&] {
      constexpr int count = 50'000;
      const double start = seconds();
      for (int i = 0; i < count; ++i) caching::raw_delete(caching::raw_alloc(bytes));
      return (seconds() - start) / count * 1e9;
    });
  }
  caching::emptyCache();
}

void trace(const char* path) {
  std::ifstream operations(path);
  std::vector<void*> blocks;
  std::uint64_t done = 0;
  const double start = seconds();
  char kind = 0;
  std::size_t block = 0;
  std::uint64_t bytes = 0;
  try {
    for (; operations >> kind >> block >> bytes; ++done) {
      if (blocks.size() <= block) blocks.resize(block + 1, nullptr);
      if (kind == 'a' && bytes != 0) blocks[block] = caching::raw_alloc(bytes);
      if (kind == 'f' && blocks[block] != nullptr) {
        caching::raw_delete(blocks[block]);
        blocks[block] = nullptr;
      }
    }
  } catch (const std::exception&) {  // it has run out of memory: events_done says where
  }
  report("trace/torch/seconds", seconds() - start, "s");
  report("trace/torch/events_done", static_cast<double>(done), "events");
  const auto statistics = caching::getDeviceStats(0);
  report("trace/torch/peak_reserved", static_cast<double>(statistics.reserved_bytes[0].peak), "bytes");
}

}  // namespace
}  // namespace weir::bench::gpu

int main(int argc, char** argv) {
  using namespace weir::bench::gpu;
  return guarded([&] {
    caching::init(c10::cuda::device_count());
    pairs();
    if (argc > 1) trace(argv[1]);
  });
}
