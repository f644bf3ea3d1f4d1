// y = a x + y on a GPU: buffers of weir's, a kernel of your own, launched on a stream of weir's; every element is
// checked. Ends with 77 where there is no CUDA device.
#include <cstdio>
#include <vector>

#include <weir/cuda.hpp>
#include <weir/weir.hpp>

__global__ void saxpy(std::size_t n, float a, const float* x, float* y) {
  const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) y[i] = a * x[i] + y[i];
}

int run() {
  weir::Device device = weir::open_device({.backend = "cuda"});
  weir::MemoryManager memory(device, {.name = "saxpy"});
  weir::Stream stream = device.stream();
  std::printf("%s\n", device.why().c_str());

  constexpr std::size_t count = 1'000'000;
  std::vector<float> host_x(count);
  for (std::size_t i = 0; i < count; ++i) host_x[i] = static_cast<float>(i % 1000);
  const std::vector<float> host_y(count, 1.0F);
  auto x = memory.create<float>("x", host_x, {}, stream);
  auto y = memory.create<float>("y", host_y, {}, stream);

  constexpr unsigned threads = 256;
  constexpr auto blocks = static_cast<unsigned>((count + threads - 1) / threads);
  saxpy<<<blocks, threads, 0, weir::cuda::native(device, stream)>>>(count, 2.0F, x.access(stream).data(),
                                                                    y.access(stream).data());
  if (const cudaError_t code = cudaGetLastError(); code != cudaSuccess) {
    std::printf("the kernel did not start: %s\n", cudaGetErrorString(code));
    return 1;
  }

  const std::vector<float> result = memory.download(y, stream);
  for (std::size_t i = 0; i < count; ++i) {
    if (result[i] != 2.0F * host_x[i] + 1.0F) {
      std::printf("element %zu is %g\n", i, static_cast<double>(result[i]));
      return 1;
    }
  }
  std::printf("%zu elements are right\n", count);
  return 0;
}

int main() {
  try {
    return run();
  } catch (const weir::NotFound& none) {
    std::printf("%s\n", none.what());
    return 77;
  } catch (const weir::Error& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
