// A Vulkan device as a computer of chunks: one command buffer a chunk, submitted in the order of the stream, on the
// scopes' memory. Real numbers are of 64 bits where the device has them, else of 32.
#include <algorithm>
#include <array>

#include "compute/vulkan_program.hpp"
#include "workloads/lidar/device/body_computer.hpp"
#include "workloads/lidar/device/shaders.hpp"

namespace weir::lidar {
namespace {

using bodies::Body;
using bodies::Precision;
using bodies::Step;
using bodies::uint;

constexpr std::size_t buffer_count = 10;  // as chunk.comp has them

compute::VulkanKernels kernels_for(const ComputeSettings& settings, Precision precision) {
  compute::VulkanKernels kernels{.user = "point clouds",
                                 .shaders = {},
                                 .buffers = buffer_count,
                                 .parameter_bytes = sizeof(bodies::Parameters),
                                 .constants = {std::max(settings.search.k, 1U)},  // the length of a query's heap
                                 .slots = ChunkComputer::slots};
  for (const compute::Shader& shader : bodies::shaders()) kernels.shaders.push_back(shader.of(precision));
  if (!settings.features.needs_height()) kernels.shaders[static_cast<std::size_t>(Body::find_height)] = {};
  return kernels;
}

Precision precision_of(const Device& device) {
  return vulkan::handles(device).doubles ? Precision::doubles : Precision::floats;
}

class VulkanComputer final : public bodies::BodyComputer {
 public:
  VulkanComputer(MemoryManager& memory, const ComputeSettings& settings)
      : BodyComputer(memory, settings),
        device_(memory.device()),
        precision_(precision_of(device_)),
        program_(device_, kernels_for(settings, precision_)) {}

  [[nodiscard]] std::string name() const override {
    return precision_ == Precision::doubles ? "vulkan-float64" : "vulkan-float32";
  }
  [[nodiscard]] std::size_t max_queries() const override {
    return bodies::max_queries(settings().features, program_.max_bytes());
  }

  void queue(std::size_t slot, const ChunkJob& job, const ChunkMemory& memory, StreamId stream) override {
    const DeviceSpan<uint> columns = begin(slot, job, memory.output, stream);
    const auto of = [&](const auto& span) { return vulkan::storage_buffer(device_, span); };
    const auto points = of(memory.input.access<Point>("points", stream));
    const FeatureSet& features = settings().features;
    const PoolingScope& work = memory.workspace;
    // What is not needed is bound to something else, and never read.
    const std::array<VkDescriptorBufferInfo, buffer_count> buffers{
        points,
        features.needs_colours() ? of(memory.input.access<std::array<std::uint16_t, 4>>("colours", stream)) : points,
        features.needs_classes() ? of(memory.input.access<std::uint8_t>("classes", stream)) : points,
        of(work.access<std::array<uint, 4>>("codes", stream)),
        of(work.access<std::array<uint, 2>>("order", stream)),
        of(work.access<uint>("counters", stream)),
        of(work.access<Point>("sorted", stream)),
        of(work.access<std::array<uint, 2>>("boxes", stream)),
        of(memory.output.memory().access(stream)),
        of(columns),
    };
    const std::vector<Step> steps = bodies::plan(settings(), job, precision_);
    vulkan::submit(device_, stream, program_.record(slot, buffers, std::span<const Step>(steps)));
  }

  [[nodiscard]] Computed finish(std::size_t slot, const PoolingScope& output,
                                std::span<const std::byte> bytes) override {
    return {.result = result(slot, output, bytes), .seconds = program_.seconds(slot)};
  }

 private:
  Device device_;
  Precision precision_;
  compute::VulkanProgram program_;
};

}  // namespace

std::unique_ptr<ChunkComputer> make_vulkan_computer(MemoryManager& memory, const ComputeSettings& settings) {
  return std::make_unique<VulkanComputer>(memory, settings);
}

}  // namespace weir::lidar
