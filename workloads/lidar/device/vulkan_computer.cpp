// A Vulkan device as a computer of chunks: one command buffer a chunk, submitted in the order of the stream, on the
// scopes' memory. Real numbers are of 64 bits where the device has them, else of 32.
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

class VulkanComputer final : public ChunkComputer {
 public:
  VulkanComputer(MemoryManager& memory, const ComputeSettings& settings)
      : memory_(memory),
        device_(memory.device()),
        settings_(settings),
        precision_(precision_of(device_)),
        program_(device_, precision_, std::max(settings.search.k, 1U), settings.features.needs_height()),
        columns_(memory.scoped<std::uint32_t>("columns", bodies::column_count)) {}

  [[nodiscard]] std::string name() const override {
    return precision_ == Precision::doubles ? "vulkan-float64" : "vulkan-float32";
  }
  [[nodiscard]] std::vector<ScopeFeature> workspace_features() const override { return bodies::workspace_features(); }
  [[nodiscard]] std::size_t workspace_elements(std::size_t points) const override {
    return bodies::workspace_elements(points);
  }
  [[nodiscard]] std::vector<ScopeFeature> output_features() const override {
    return bodies::output_features(settings_.features);
  }
  [[nodiscard]] std::size_t most_queries() const override {
    return bodies::most_queries(settings_.features, program_.most_bytes());
  }

  void queue(std::size_t slot, const ChunkJob& job, const ChunkMemory& memory, StreamId stream) override {
    queries_.at(slot) = job.queries;
    set_columns(memory.output, stream);
    const auto of = [&](const auto& span) { return vulkan::storage_buffer(device_, span); };
    const auto points = of(memory.input.access<Point>("points", stream));
    const FeatureSet& features = settings_.features;
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
        of(columns_.access(stream)),
    };
    vulkan::submit(device_, stream, program_.record(slot, buffers, bodies::plan(settings_, job, precision_)));
  }

  [[nodiscard]] Computed finish(std::size_t slot, const PoolingScope& output,
                                std::span<const std::byte> bytes) override {
    return {.result = bodies::result_of(output, bytes, queries_.at(slot)), .seconds = program_.seconds(slot)};
  }

 private:
  /// Outputs of one run have one layout, but for that of the far queries, when nothing else is queued.
  void set_columns(const PoolingScope& output, StreamId stream) {
    std::vector<std::uint32_t> columns = bodies::columns_of(settings_.features, output);
    if (columns == sent_) return;
    memory_.upload(columns_, columns, 0, stream);
    sent_ = std::move(columns);
  }

  MemoryManager& memory_;
  Device device_;
  ComputeSettings settings_;
  Precision precision_;
  bodies::VulkanProgram program_;
  Buffer<std::uint32_t> columns_;
  std::vector<std::uint32_t> sent_;
  std::array<std::size_t, slots> queries_{};
};

}  // namespace

std::unique_ptr<ChunkComputer> make_vulkan_computer(MemoryManager& memory, const ComputeSettings& settings) {
  return std::make_unique<VulkanComputer>(memory, settings);
}

}  // namespace weir::lidar
