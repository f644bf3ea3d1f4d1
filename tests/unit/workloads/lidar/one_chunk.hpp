// One chunk by one computer, for tests that compare computers: the same points, colours and classes to each, and rows
// by point. And a computer that runs the device's bodies in plain loops, so that what a CUDA kernel does is tested
// where there is none.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "workloads/lidar/run/chunk_computer.hpp"

namespace weir::lidar::test {

/// A chunk's points, the queries first; colours and classes are made up by index.
struct OneChunk {
  std::string name;
  std::vector<Point> points;
  std::size_t queries = 0;
  KnownRegion known{{INT64_MIN, INT64_MIN}, {INT64_MAX, INT64_MAX}};
};

struct ChunkRows {
  std::vector<std::vector<float>> columns;  ///< in the set's order, by index
  std::vector<unsigned> taken;              ///< how often each index was given
  KernelResult result;                      ///< unfinished ones by their index, in order
};
[[nodiscard]] ChunkRows compute_one(MemoryManager& memory, ChunkComputer& computer, const FeatureSet& features,
                                    const OneChunk& chunk);

/// Clouds of a few thousand points at most: the generated scenes, and all that is awkward.
[[nodiscard]] std::vector<OneChunk> awkward_chunks();

/// The bodies of workloads/lidar/device, a thread after the other.
[[nodiscard]] std::unique_ptr<ChunkComputer> make_loop_computer(MemoryManager& memory, const ComputeSettings& settings);

}  // namespace weir::lidar::test
