// PyTorch's caching allocator from C++, as its environment configures it: a pair, blocks that two streams use, and the
// scaled requests that weir_gpu_trace has written. Built by scripts/gpu/run against the torch it finds.
//   torch_peer NAME [OPERATIONS_FILE]
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include "across.hpp"

namespace weir::bench::gpu {
namespace {

namespace caching = c10::cuda::CUDACachingAllocator;

void pairs(const std::string& name) {
  for (const std::size_t bytes : {std::size_t{1} << 10, std::size_t{2} << 20, std::size_t{64} << 20}) {
    report("pair/" + name + "/" + std::to_string(bytes >> 10) + "KiB", "ns", 9, [&] {
      constexpr int count = 50'000;
      const double start = seconds();
      for (int i = 0; i < count; ++i) caching::raw_delete(caching::raw_alloc(bytes));
      return (seconds() - start) / count * 1e9;
    });
  }
  caching::emptyCache();
}

/// Of PyTorch's own streams, as recordStream() takes no others in every version.
void across_streams(const std::string& name, std::size_t threads) {
  struct Own {
    c10::cuda::CUDAStream first, second;
  };
  std::vector<Own> own;
  std::vector<TwoStreams> native;
  for (std::size_t i = 0; i < threads; ++i) {
    own.push_back({c10::cuda::getStreamFromPool(), c10::cuda::getStreamFromPool()});
    native.emplace_back(own[i].first.stream(), own[i].second.stream());
  }
  report_across(name, native, [&](std::size_t thread, const TwoStreams& streams) {
    c10::cuda::setCurrentCUDAStream(own[thread].first);  // of this thread
    const c10::DataPtr block = caching::get()->allocate(across_bytes);
    streams.work(block.get());
    caching::recordStream(block, own[thread].second);
  });
  caching::emptyCache();
}

void trace(const std::string& name, const char* path) {
  caching::resetPeakStats(0);
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
  report("trace/" + name + "/seconds", seconds() - start, "s");
  report("trace/" + name + "/events_done", static_cast<double>(done), "events");
  const auto statistics = caching::getDeviceStats(0);
  report("trace/" + name + "/peak_reserved", static_cast<double>(statistics.reserved_bytes[0].peak), "bytes");
}

}  // namespace
}  // namespace weir::bench::gpu

int main(int argc, char** argv) {
  using namespace weir::bench::gpu;
  return guarded([&] {
    if (argc < 2) throw std::runtime_error("usage: torch_peer NAME [OPERATIONS_FILE]");
    const std::string name = argv[1];
    caching::init(c10::cuda::device_count());
    pairs(name);
    for (const std::size_t threads : {std::size_t{1}, std::size_t{8}}) across_streams(name, threads);
    if (argc > 2) trace(name, argv[2]);
  });
}
