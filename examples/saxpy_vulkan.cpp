// y = a·x + y on Vulkan, on weir's buffers: upload, a shader of the program's own in the
// order of a stream, download, and every element looked at. Leaves with 77 where there is no Vulkan.
#include <array>
#include <cstdio>
#include <vector>

#include <weir/vulkan.hpp>
#include <weir/weir.hpp>

#include "vulkan_program.hpp"

namespace {
constexpr std::uint32_t shader[] = {
#include <saxpy_vulkan.spv.inc>
};
struct Arguments {
  float a;
  std::uint32_t count;
};

int saxpy(const weir::Device& device) {
  constexpr std::uint32_t count = 1'000'003;
  std::vector<float> host_x(count);
  std::vector<float> host_y(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    host_x[i] = static_cast<float>(i % 1000);
    host_y[i] = static_cast<float>(i % 77);
  }
  weir::MemoryManager memory(device);
  const weir::Stream stream = weir::Device(device).stream();
  auto x = memory.create<float>("x", host_x, {}, stream);
  auto y = memory.create<float>("y", host_y, {}, stream);

  const std::array buffers{weir::vulkan::storage_buffer(device, x.access(stream)),
                           weir::vulkan::storage_buffer(device, y.access(stream))};
  VulkanProgram program(weir::vulkan::handles(device), shader, buffers, sizeof(Arguments));
  weir::vulkan::submit(device, stream, program.record(Arguments{2.5f, count}, (count + 63) / 64));

  const std::vector<float> result = memory.download(y, stream);
  for (std::uint32_t i = 0; i < count; ++i) {
    const float expected = 2.5f * host_x[i] + host_y[i];  // exact in a float, with or without a fused step
    if (result[i] != expected) {
      std::printf("element %u is %g, not %g\n", i, static_cast<double>(result[i]), static_cast<double>(expected));
      return 1;
    }
  }
  std::printf("%s: all %u elements are right\n", device.info().name.c_str(), count);
  return 0;
}
}  // namespace

int main() {
  try {
    return saxpy(weir::open_device({.backend = "vulkan"}));
  } catch (const weir::NotFound& none) {
    std::printf("%s\n", none.what());
    return 77;
  }
}
