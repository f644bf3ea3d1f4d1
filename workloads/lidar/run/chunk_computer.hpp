// What computes chunks on one kind of device: a tree or its like, then neighbours and features of the queries, in the
// order of a stream and in memory that the caller took. The pipeline has one, chosen from its device; the far queries
// use it too. One thread queues, another may finish what was queued before.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <weir/weir.hpp>

#include "workloads/lidar/features/feature_set.hpp"
#include "workloads/lidar/features/kernel.hpp"
#include "workloads/lidar/neighbours/height.hpp"
#include "workloads/lidar/neighbours/search.hpp"
#include "workloads/lidar/neighbours/tree.hpp"

namespace weir::lidar {

/// What of a cloud and of a run the computation needs.
struct ComputeSettings {
  FeatureSet features;
  Search search;
  NamedKernel kernel;  ///< the host's
  double unit = 1;
  GroundSearch ground = {};
  bool has_rgb = false, has_nir = false, has_ground = false;
  unsigned threads = 1;  ///< the host's
  bool wide = false;     ///< chunks may be too far across for Point; the host alone takes them
};

struct ChunkJob {
  std::span<const Point> points;  ///< as they were uploaded, the queries first; readable until the chunk is queued
  std::span<const WidePoint> wide = {};  ///< instead of those, where they are too far apart
  std::size_t queries = 0;
  KnownRegion known{};

  [[nodiscard]] std::size_t count() const noexcept { return wide.empty() ? points.size() : wide.size(); }
  /// Of the i-th of them, in the cloud.
  [[nodiscard]] std::uint32_t id(std::size_t i) const noexcept { return wide.empty() ? points[i].id : wide[i].id; }
  /// To be uploaded.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return wide.empty() ? std::as_bytes(points) : std::as_bytes(wide);
  }
};

/// The device's memory: input as input_features() says, with the upload done; the others as the computer says.
struct ChunkMemory {
  const PoolingScope &input, &workspace, &output;
};

struct Computed {
  KernelResult result;
  double seconds = 0;            ///< that the device was busy
  double processor_seconds = 0;  ///< that one thread of the host was, where the host computed
  double lost_seconds = 0;       ///< of `seconds`, that other programs took from the host's threads, beyond what
                                 ///< the stream's own thread waited for a processor
};

class ChunkComputer {
 public:
  /// Chunks that may be queued and not finished at a time, by their slot.
  static constexpr std::size_t slots = 2;

  ChunkComputer() = default;
  virtual ~ChunkComputer() = default;
  ChunkComputer(const ChunkComputer&) = delete;
  ChunkComputer& operator=(const ChunkComputer&) = delete;

  /// Which kernels run, for reports.
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::vector<ScopeColumn> workspace_features() const = 0;
  /// Elements of a workspace for so many points.
  [[nodiscard]] virtual std::size_t workspace_elements(std::size_t points) const = 0;
  [[nodiscard]] virtual std::vector<ScopeColumn> output_features() const = 0;
  /// The largest chunk, without its halo.
  [[nodiscard]] virtual std::size_t max_queries() const = 0;

  /// Queues the work; blocks for none of it. The workspace may be given back in the order of the stream after this.
  virtual void queue(std::size_t slot, const ChunkJob& job, const ChunkMemory& memory, StreamId stream) = 0;
  /// After the output's download, `bytes`, which has the ids and values of the queries in the same order. Throws what
  /// the work threw.
  [[nodiscard]] virtual Computed finish(std::size_t slot, const PoolingScope& output,
                                        std::span<const std::byte> bytes) = 0;
};

/// The buffers of a chunk's points, and of the ids and features that all computers write. Where chunks may be wide,
/// "points" has room for WidePoint, and a chunk that is not wide has its Points there.
[[nodiscard]] std::vector<ScopeColumn> input_features(const FeatureSet& features, bool wide = false);
[[nodiscard]] std::vector<ScopeColumn> row_features(const FeatureSet& features);

/// For the memory's device. Throws Unsupported, saying what it lacks.
[[nodiscard]] std::unique_ptr<ChunkComputer> make_computer(MemoryManager& memory, const ComputeSettings& settings);
[[nodiscard]] std::unique_ptr<ChunkComputer> make_host_computer(const Device& device, const ComputeSettings& settings);
[[nodiscard]] std::unique_ptr<ChunkComputer> make_vulkan_computer(MemoryManager& memory,
                                                                  const ComputeSettings& settings);
[[nodiscard]] std::unique_ptr<ChunkComputer> make_cuda_computer(MemoryManager& memory, const ComputeSettings& settings);

}  // namespace weir::lidar
