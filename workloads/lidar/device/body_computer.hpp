// What all computers that run the bodies have in common: the memory they need, the buffer that says where an output's
// columns begin, and what comes back of a chunk. Base of the Vulkan and CUDA computers, and of the tests' plain loops.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "workloads/lidar/device/plan.hpp"

namespace weir::lidar::bodies {

class BodyComputer : public ChunkComputer {
 public:
  BodyComputer(MemoryManager& memory, const ComputeSettings& settings)
      : memory_(memory), settings_(settings), columns_(memory.scoped<std::uint32_t>("columns", column_count)) {}

  [[nodiscard]] std::vector<ScopeColumn> workspace_features() const final { return bodies::workspace_features(); }
  [[nodiscard]] std::size_t workspace_elements(std::size_t points) const final {
    return bodies::workspace_elements(points);
  }
  [[nodiscard]] std::vector<ScopeColumn> output_features() const final {
    return bodies::output_features(settings_.features);
  }

 protected:
  [[nodiscard]] const ComputeSettings& settings() const noexcept { return settings_; }
  /// Notes the chunk that the slot gets, and gives the columns of its output, for work on `stream`.
  [[nodiscard]] DeviceSpan<std::uint32_t> begin(std::size_t slot, const ChunkJob& job, const PoolingScope& output,
                                                StreamId stream) {
    queries_.at(slot) = job.queries;
    // Outputs of one run have one layout, but for that of the far queries, when nothing else is queued.
    std::vector<std::uint32_t> columns = columns_of(settings_.features, output);
    if (columns != sent_) {
      memory_.upload(columns_, columns, stream);
      sent_ = std::move(columns);
    }
    return columns_.access(stream);
  }
  [[nodiscard]] KernelResult result(std::size_t slot, const PoolingScope& output,
                                    std::span<const std::byte> bytes) const {
    return result_of(output, bytes, queries_.at(slot));
  }

 private:
  MemoryManager& memory_;
  const ComputeSettings settings_;
  Buffer<std::uint32_t> columns_;
  std::vector<std::uint32_t> sent_;
  std::array<std::size_t, slots> queries_{};
};

}  // namespace weir::lidar::bodies
