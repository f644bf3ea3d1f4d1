// Copies between host and device: weir's transfers beside a bare loop of
// cudaMemcpyAsync on pinned memory; a pageable source through the staging ring, with
// one thread and several; and downloads that overlap a kernel and host work (T7).
#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <weir/cuda.hpp>
#include <weir/weir.hpp>

#include "measure.hpp"

namespace weir::bench::gpu {
namespace {

constexpr int rounds = 9;

double rate(std::size_t bytes, double start) { return static_cast<double>(bytes) / (seconds() - start) / 1e9; }

/// Threads that are there before the clock starts, and do a job each time they are told to.
class Crew {
 public:
  explicit Crew(std::size_t size)
      : begin_(static_cast<std::ptrdiff_t>(size + 1)), end_(static_cast<std::ptrdiff_t>(size + 1)) {
    for (std::size_t i = 0; i < size; ++i) {
      threads_.emplace_back([this, i] {
        for (begin_.arrive_and_wait(); job_; begin_.arrive_and_wait()) {
          try {
            job_(i);
          } catch (const std::exception& error) {
            std::fprintf(stderr, "a thread failed: %s\n", error.what());
            failed_ = true;
          }
          end_.arrive_and_wait();
        }
      });
    }
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() {
    job_ = nullptr;
    begin_.arrive_and_wait();
    for (std::thread& each : threads_) each.join();
  }
  void run(std::function<void(std::size_t)> job) {
    job_ = std::move(job);
    begin_.arrive_and_wait();
    end_.arrive_and_wait();
    if (failed_) throw std::runtime_error("a thread of the copies failed");
  }

 private:
  std::barrier<> begin_, end_;
  std::function<void(std::size_t)> job_;
  std::atomic<bool> failed_{false};
  std::vector<std::thread> threads_;
};

void bandwidth(Device& device) {
  constexpr std::size_t bytes = std::size_t{256} << 20;
  MemoryManager memory(device, {.name = "copies", .pool = {.limit = std::uint64_t{4} << 30}});
  Stream stream = device.stream();
  auto buffer = memory.create<std::byte>("target", bytes, {.max_bytes = bytes}, stream);
  std::vector<std::byte> pageable(bytes, std::byte{1});
  void* pinned = nullptr;
  check(cudaMallocHost(&pinned, bytes), "cudaMallocHost");
  std::memset(pinned, 1, bytes);
  void* target = nullptr;
  check(cudaMalloc(&target, bytes), "cudaMalloc");
  cudaStream_t native = cuda::native(device, stream);
  constexpr std::size_t crew_size = 8;
  std::vector<Stream> streams;
  for (std::size_t i = 0; i < crew_size; ++i) streams.push_back(device.stream());
  Crew crew(crew_size);
  for (const bool up : {true, false}) {
    const char* way = up ? "up" : "down";
    report(std::string("copy/bare_pinned/") + way, "GB/s", rounds, [&] {
      const double start = seconds();
      check(up ? cudaMemcpyAsync(target, pinned, bytes, cudaMemcpyHostToDevice, native)
               : cudaMemcpyAsync(pinned, target, bytes, cudaMemcpyDeviceToHost, native),
            "cudaMemcpyAsync");
      check(cudaStreamSynchronize(native), "cudaStreamSynchronize");
      return rate(bytes, start);
    });
    auto own = memory.pinned<std::byte>(bytes);
    report(std::string("copy/weir_pinned/") + way, "GB/s", rounds, [&] {
      const double start = seconds();
      if (up) {
        memory.upload(buffer, std::span<const std::byte>(own.data(), bytes), stream);
      } else {
        memory.download(buffer, std::span<std::byte>(own.data(), bytes), stream);
      }
      return rate(bytes, start);
    });
    report(std::string("copy/weir_pageable_1_thread/") + way, "GB/s", rounds, [&] {
      const double start = seconds();
      if (up) {
        memory.upload(buffer, std::span<const std::byte>(pageable), stream);
      } else {
        memory.download(buffer, std::span<std::byte>(pageable), stream);
      }
      return rate(bytes, start);
    });
    report(std::string("copy/weir_pageable_8_threads/") + way, "GB/s", rounds, [&] {
      constexpr std::size_t part = bytes / crew_size;
      const double start = seconds();
      crew.run([&](std::size_t i) {
        const std::span<std::byte> piece = std::span(pageable).subspan(i * part, part);
        if (up) {
          memory.upload(buffer, std::span<const std::byte>(piece), streams[i], {.offset = i * part});
        } else {
          memory.download(buffer, piece, streams[i], {.offset = i * part});
        }
      });
      return rate(bytes, start);
    });
  }
  check(cudaFree(target), "cudaFree");
  check(cudaFreeHost(pinned), "cudaFreeHost");
}

__global__ void spin(long long cycles, float* out) {
  const long long start = clock64();
  while (clock64() - start < cycles) {
  }
  if (threadIdx.x == 0) out[0] += 1.0F;
}

void work_on_host(double for_seconds) {
  const double end = seconds() + for_seconds;
  while (seconds() < end) {
  }
}

// Frames of a kernel and the download of its result, which take equal time, then host work that takes as long too.
void overlap(Device& device) {
  constexpr std::size_t count = (std::size_t{128} << 20) / sizeof(float);
  constexpr int frames = 20;
  MemoryManager memory(device, {.name = "overlap", .pool = {.limit = std::uint64_t{4} << 30}});
  Stream stream = device.stream();
  auto buffer = memory.create<float>("frame", count, {.max_bytes = count * sizeof(float), .downloads = true}, stream);
  cudaStream_t native = cuda::native(device, stream);
  float* data = buffer.access(stream).data();
  auto pinned = memory.pinned<float>(count);
  std::vector<float> pageable(count);
  const double copy = report("overlap/one_copy", "s", 5, [&] {
    const double start = seconds();
    memory.download(buffer, std::span<float>(pinned.data(), count), stream);
    return seconds() - start;
  });
  int kilohertz = 0;
  check(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, 0), "cudaDeviceGetAttribute");
  auto cycles = static_cast<long long>(copy * kilohertz * 1000.0);
  const auto kernel = [&] {
    const double start = seconds();
    spin<<<1, 32, 0, native>>>(cycles, data);
    check(cudaStreamSynchronize(native), "the kernel");
    return seconds() - start;
  };
  static_cast<void>(kernel());
  cycles = static_cast<long long>(static_cast<double>(cycles) * copy / kernel());  // the clock's own rate differs
  report("overlap/one_kernel", "s", 5, kernel);

  for (const bool host : {false, true}) {
    const std::string stages = host ? "3_stages" : "2_stages";
    const auto in_turn = [&](bool pinned_target) {
      const double start = seconds();
      for (int i = 0; i < frames; ++i) {
        spin<<<1, 32, 0, native>>>(cycles, data);
        check(cudaStreamSynchronize(native), "the kernel");
        float* to = pinned_target ? pinned.data() : pageable.data();
        check(cudaMemcpy(to, data, count * sizeof(float), cudaMemcpyDeviceToHost), "cudaMemcpy");
        if (host) work_on_host(copy);
      }
      return (seconds() - start) / frames;
    };
    const double blocking = report("overlap/pinned_in_turn/" + stages, "s", 3, [&] { return in_turn(true); });
    const double earlier = report("overlap/pageable_in_turn/" + stages, "s", 3, [&] { return in_turn(false); });
    const double together = report("overlap/weir/" + stages, "s", 3, [&] {
      const double start = seconds();
      for (int i = 0; i < frames; ++i) {
        spin<<<1, 32, 0, native>>>(cycles, data);
        memory.start_download(buffer, stream);
        if (i == 0) continue;
        static_cast<void>(memory.wait_for_download(buffer));
        if (host) work_on_host(copy);
      }
      static_cast<void>(memory.wait_for_download(buffer));
      if (host) work_on_host(copy);
      return (seconds() - start) / frames;
    });
    report("overlap/gain_over_pinned/" + stages, blocking / together, "times");
    report("overlap/gain_over_pageable/" + stages, earlier / together, "times");
  }
}

}  // namespace
}  // namespace weir::bench::gpu

int main() {
  return weir::bench::gpu::guarded([] {
    weir::Device device = weir::open_device({.backend = "cuda"});
    weir::bench::gpu::bandwidth(device);
    weir::bench::gpu::overlap(device);
  });
}
