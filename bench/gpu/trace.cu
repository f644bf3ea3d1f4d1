// A recorded training step whose sizes are scaled so that its peak is 97 % of what
// the device has free: weir, and cudaMallocAsync with its release threshold at the
// maximum. What each reserved at most is printed, or where it failed. The scaled
// requests are written to a file, one a line, for peers in other programs.
//   weir_gpu_trace TRACE OPERATIONS_FILE
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <weir/weir.hpp>

#include "files/output_file.hpp"
#include "measure.hpp"
#include "replay/read_trace.hpp"

namespace weir::bench::gpu {
namespace {

struct Job {
  std::vector<std::uint64_t> bytes;  // of each block, scaled
  std::vector<replay::TraceEvent> events;
  std::uint64_t peak = 0;
};

std::uint64_t peak_of(const Job& job) {
  std::uint64_t live = 0;
  std::uint64_t peak = 0;
  for (const replay::TraceEvent& event : job.events) {
    const std::uint64_t bytes = job.bytes[event.block];
    live = event.kind == replay::TraceEvent::Kind::allocate ? live + bytes : live - bytes;
    peak = std::max(peak, live);
  }
  return peak;
}

Job scaled(const replay::DeviceTrace& trace, std::uint64_t free) {
  Job job{trace.block_bytes, trace.events, 0};
  const double scale = 0.97 * static_cast<double>(free) / static_cast<double>(peak_of(job));
  for (std::uint64_t& bytes : job.bytes) bytes = static_cast<std::uint64_t>(static_cast<double>(bytes) * scale);
  job.peak = peak_of(job);
  return job;
}

template <class Allocate, class Free>
std::size_t run(const Job& job, Allocate allocate, Free free) {
  std::vector<void*> blocks(job.bytes.size(), nullptr);
  std::size_t done = 0;
  for (const replay::TraceEvent& event : job.events) {
    void*& block = blocks[event.block];
    if (event.kind == replay::TraceEvent::Kind::free) {
      if (block != nullptr) free(block);
      block = nullptr;
    } else if (job.bytes[event.block] != 0 && !allocate(job.bytes[event.block], block)) {
      break;
    }
    ++done;
  }
  for (void* block : blocks) {
    if (block != nullptr) free(block);
  }
  return done;
}

void in_weir(const Job& job, std::uint64_t free) {
  Device device = open_device({.backend = "cuda"});
  Pool pool(device, {.limit = free});
  const Stream stream = device.stream();
  const double start = seconds();
  const std::size_t done = run(
      job,
      [&](std::uint64_t bytes, void*& block) {
        const auto served = pool.try_allocate(bytes, stream);
        block = served.value_or(nullptr);
        return served.has_value();
      },
      [&](void* block) { pool.deallocate(block, stream); });
  const Statistics now = pool.statistics();
  report("trace/weir/seconds", seconds() - start, "s");
  report("trace/weir/events_done", static_cast<double>(done), "events");
  report("trace/weir/peak_reserved", static_cast<double>(now.reserved.peak), "bytes");
  report("trace/weir/page_remaps", static_cast<double>(now.page_remaps), "pages");
}

void in_async_pool(const Job& job) {
  cudaMemPool_t pool = nullptr;
  check(cudaDeviceGetDefaultMemPool(&pool, 0), "cudaDeviceGetDefaultMemPool");
  std::uint64_t keep = UINT64_MAX;
  check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep), "cudaMemPoolSetAttribute");
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  const double start = seconds();
  const std::size_t done = run(
      job,
      [&](std::uint64_t bytes, void*& block) {
        const cudaError_t code = cudaMallocAsync(&block, bytes, stream);
        if (code == cudaErrorMemoryAllocation) {
          static_cast<void>(cudaGetLastError());
          block = nullptr;
          return false;
        }
        check(code, "cudaMallocAsync");
        return true;
      },
      [&](void* block) { check(cudaFreeAsync(block, stream), "cudaFreeAsync"); });
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  std::uint64_t most = 0;
  check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemHigh, &most), "cudaMemPoolGetAttribute");
  report("trace/cudaMallocAsync/seconds", seconds() - start, "s");
  report("trace/cudaMallocAsync/events_done", static_cast<double>(done), "events");
  report("trace/cudaMallocAsync/peak_reserved", static_cast<double>(most), "bytes");
  check(cudaMemPoolTrimTo(pool, 0), "cudaMemPoolTrimTo");
}

}  // namespace
}  // namespace weir::bench::gpu

int main(int argc, char** argv) {
  using namespace weir::bench::gpu;
  return guarded([&] {
    if (argc != 3) throw std::runtime_error("usage: weir_gpu_trace TRACE OPERATIONS_FILE");
    check(cudaFree(nullptr), "cudaFree");  // the context takes its own memory first
    std::size_t free = 0;
    std::size_t total = 0;
    check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    const weir::replay::Trace trace = weir::replay::read_trace(argv[1]);
    const Job job = scaled(trace.devices.front(), free);
    weir::files::OutputFile operations(argv[2]);
    std::string text;
    for (const auto& event : job.events) {
      const bool allocate = event.kind == weir::replay::TraceEvent::Kind::allocate;
      text += std::string(allocate ? "a " : "f ") + std::to_string(event.block) + ' ' +
              std::to_string(job.bytes[event.block]) + '\n';
    }
    operations.write(text);
    operations.commit();
    report("trace/free_before", static_cast<double>(free), "bytes");
    report("trace/peak_requested", static_cast<double>(job.peak), "bytes");
    report("trace/events", static_cast<double>(job.events.size()), "events");
    in_weir(job, free);
    in_async_pool(job);
  });
}
