// The patterns as kernels. Every kernel is launched once in the constructor: a first launch loads its code, which may
// wait for the device, and so for a kernel that waits at the gate.
#include <stdexcept>

#include <cuda_runtime.h>

#include <weir/cuda.hpp>

#include "cuda/kernels.hpp"

namespace weir::contents {
namespace {

constexpr unsigned blocks = 16;
constexpr unsigned threads = 256;
constexpr long long slow_cycles = 200'000;  // a tenth of a millisecond
constexpr unsigned long long max_wait_ns = 10'000'000'000;

struct Counts {
  unsigned long long checked, wrong, gates_missed;
};

__device__ void take_a_while(long long cycles) {
  const long long start = clock64();
  while (clock64() - start < cycles) {
  }
}

__global__ void fill_words(std::uint64_t* to, std::size_t words, std::uint64_t seed, long long cycles) {
  take_a_while(cycles);
  for (std::size_t i = std::size_t{blockIdx.x} * threads + threadIdx.x; i < words; i += std::size_t{blocks} * threads) {
    to[i] = pattern_word(seed, i);
  }
}

__global__ void check_words(const std::uint64_t* from, std::size_t words, std::uint64_t seed, long long cycles,
                            Counts* counts) {
  take_a_while(cycles);
  unsigned long long checked = 0, wrong = 0;
  for (std::size_t i = std::size_t{blockIdx.x} * threads + threadIdx.x; i < words; i += std::size_t{blocks} * threads) {
    ++checked;
    if (from[i] != pattern_word(seed, i)) ++wrong;
  }
  if (checked != 0) atomicAdd(&counts->checked, checked);
  if (wrong != 0) atomicAdd(&counts->wrong, wrong);
}

__device__ unsigned long long nanoseconds() {
  unsigned long long now = 0;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
}

__global__ void wait_for(const volatile int* open, Counts* counts) {
  const unsigned long long start = nanoseconds();
  while (*open == 0) {
    if (nanoseconds() - start < max_wait_ns) continue;
    atomicAdd(&counts->gates_missed, 1ULL);
    return;
  }
}

void require(cudaError_t code, const char* call) {
  if (code != cudaSuccess) throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(code));
}

class DeviceKernels final : public Kernels {
 public:
  explicit DeviceKernels(const Device& device) : device_(device) {
    require(cudaSetDevice(static_cast<int>(device_.info().index)), "cudaSetDevice");
    require(cudaMalloc(&counts_, sizeof(Counts)), "cudaMalloc");
    require(cudaMemset(counts_, 0, sizeof(Counts)), "cudaMemset");
    require(cudaHostAlloc(&open_, sizeof(int), cudaHostAllocMapped), "cudaHostAlloc");
    *open_ = 1;
    launch_fill(nullptr, 0, 0, nullptr, 0);
    launch_check(nullptr, 0, 0, nullptr, 0);
    wait_for<<<1, 1>>>(open_, counts_);
    require(cudaDeviceSynchronize(), "the kernels");
    *open_ = 0;
  }
  ~DeviceKernels() override {
    cudaDeviceSynchronize();
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
    if (graph_ != nullptr) cudaGraphDestroy(graph_);
    cudaFreeHost(const_cast<int*>(open_));
    cudaFree(counts_);
  }

  void fill(StreamId stream, std::uint64_t address, std::size_t words, std::uint64_t seed) override {
    launch_fill(reinterpret_cast<std::uint64_t*>(address), words, seed, cuda::native(device_, stream), slow_cycles);
  }
  void check(StreamId stream, std::uint64_t address, std::size_t words, std::uint64_t seed) override {
    launch_check(reinterpret_cast<const std::uint64_t*>(address), words, seed, cuda::native(device_, stream),
                 slow_cycles);
  }
  void wait_for_gate(StreamId stream) override {
    wait_for<<<1, 1, 0, cuda::native(device_, stream)>>>(open_, counts_);
    require(cudaGetLastError(), "the gate's kernel");
  }
  void open_gate() override { *open_ = 1; }
  Findings findings() override {
    Counts counts{};
    require(cudaDeviceSynchronize(), "queued kernels");
    require(cudaMemcpy(&counts, counts_, sizeof(Counts), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return {counts.checked, counts.wrong, counts.gates_missed};
  }
  std::shared_ptr<void> memory(std::size_t bytes) override {
    void* start = nullptr;
    require(cudaMalloc(&start, bytes), "cudaMalloc");
    return {start, [](void* address) { cudaFree(address); }};
  }

  bool graphs() const override { return true; }
  void begin_capture(StreamId stream) override {
    require(cudaStreamBeginCapture(cuda::native(device_, stream), cudaStreamCaptureModeGlobal),
            "cudaStreamBeginCapture");
  }
  void end_capture(StreamId stream) override {
    require(cudaStreamEndCapture(cuda::native(device_, stream), &graph_), "cudaStreamEndCapture");
    require(cudaGraphInstantiateWithFlags(&executable_, graph_, 0), "cudaGraphInstantiate");
  }
  void launch_graph(StreamId stream) override {
    require(cudaGraphLaunch(executable_, cuda::native(device_, stream)), "cudaGraphLaunch");
  }

 private:
  static void launch_fill(std::uint64_t* to, std::size_t words, std::uint64_t seed, cudaStream_t stream,
                          long long cycles) {
    fill_words<<<blocks, threads, 0, stream>>>(to, words, seed, cycles);
    require(cudaGetLastError(), "a filling kernel");
  }
  void launch_check(const std::uint64_t* from, std::size_t words, std::uint64_t seed, cudaStream_t stream,
                    long long cycles) {
    check_words<<<blocks, threads, 0, stream>>>(from, words, seed, cycles, counts_);
    require(cudaGetLastError(), "a checking kernel");
  }

  Device device_;
  Counts* counts_ = nullptr;
  volatile int* open_ = nullptr;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace

std::unique_ptr<Kernels> make_device_kernels(const Device& device) { return std::make_unique<DeviceKernels>(device); }

}  // namespace weir::contents
