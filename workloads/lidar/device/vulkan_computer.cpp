// A Vulkan device as a computer of chunks: one command buffer a chunk, submitted in the order of the stream, on the
// scopes' memory. Real numbers are of 64 bits where the device has them, else of 32.
#include "body_computer.hpp"
#include "shaders.hpp"
#include "vulkan_program.hpp"

namespace weir::lidar {
namespace {

using bodies::buffer_count;
using bodies::Precision;
using bodies::uint;

Precision precision_of(const Device& device) {
  return vulkan::handles(device).doubles ? Precision::doubles : Precision::floats;
}

class VulkanComputer final : public bodies::BodyComputer {
 public:
  VulkanComputer(MemoryManager& memory, const ComputeSettings& settings)
      : BodyComputer(memory, settings),
        device_(memory.device()),
        precision_(precision_of(device_)),
        program_(device_, precision_, std::max(settings.search.k, 1U), settings.features.needs_height()) {}

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
    vulkan::submit(device_, stream, program_.record(slot, buffers, bodies::plan(settings(), job, precision_)));
  }

  [[nodiscard]] Computed finish(std::size_t slot, const PoolingScope& output,
                                std::span<const std::byte> bytes) override {
    return {.result = result(slot, output, bytes), .seconds = program_.seconds(slot)};
  }

 private:
  Device device_;
  Precision precision_;
  bodies::VulkanProgram program_;
};

}  // namespace

std::unique_ptr<ChunkComputer> make_vulkan_computer(MemoryManager& memory, const ComputeSettings& settings) {
  return std::make_unique<VulkanComputer>(memory, settings);
}

}  // namespace weir::lidar
