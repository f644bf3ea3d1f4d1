// The host as a computer of chunks: compute_chunk() as a host function of the stream, on the scopes' own memory.
#include <array>
#include <exception>

#include "compute/stream_clock.hpp"
#include "compute/timed.hpp"
#include "workloads/lidar/run/chunk_compute.hpp"

namespace weir::lidar {
namespace {

class HostComputer final : public ChunkComputer {
 public:
  HostComputer(const Device& device, const ComputeSettings& settings) : device_(device), settings_(settings) {}

  [[nodiscard]] std::string name() const override { return std::string(settings_.kernel.name); }
  [[nodiscard]] std::vector<ScopeColumn> workspace_features() const override {
    return settings_.wide ? tree_features<std::int64_t>() : tree_features<std::int32_t>();
  }
  [[nodiscard]] std::size_t workspace_elements(std::size_t points) const override { return points + Tree::slack; }
  [[nodiscard]] std::vector<ScopeColumn> output_features() const override { return row_features(settings_.features); }
  [[nodiscard]] std::size_t max_queries() const override { return SIZE_MAX; }

  void queue(std::size_t slot, const ChunkJob& job, const ChunkMemory& memory, StreamId stream) override {
    Work& work = work_.at(slot);
    work = {};
    bind(work, job, memory, stream);
    device_.run(stream, [this, &work] {
      try {
        const compute::TeamClock clock;
        {
          const compute::Timed timed(work.done.seconds);
          const double start = compute::processor_now();
          work.done.result = work.wide.empty() ? compute_chunk(settings_, work.data, work.points, work.tree)
                                               : compute_chunk(settings_, work.data, work.wide, work.wide_tree);
          work.done.processor_seconds = compute::processor_now() - start;
        }
        work.done.lost_seconds = clock.lost(work.done.seconds, threads_for_chunk(settings_, count_of(work)));
      } catch (...) {
        work.failure = std::current_exception();
      }
    });
  }

  [[nodiscard]] Computed finish(std::size_t slot, const PoolingScope&, std::span<const std::byte>) override {
    Work& work = work_.at(slot);
    if (work.failure) std::rethrow_exception(work.failure);
    return std::move(work.done);
  }

 private:
  struct Work {
    ChunkData data;
    std::span<const Point> points;
    TreeMemory tree;
    std::span<const WidePoint> wide;  // instead of those, with the other tree
    WideTreeMemory wide_tree;
    Computed done;
    std::exception_ptr failure = {};
  };

  [[nodiscard]] static std::size_t count_of(const Work& work) noexcept {
    return work.wide.empty() ? work.points.size() : work.wide.size();
  }

  void bind_points(Work& work, const ChunkJob& job, const ChunkMemory& memory, StreamId stream) const {
    if (!settings_.wide) {
      work.points = {memory.input.access<Point>("points", stream).data(), job.points.size()};
      work.tree = workspace_memory<std::int32_t>(memory.workspace, stream);
      return;
    }
    const WidePoint* const points = memory.input.access<WidePoint>("points", stream).data();
    work.wide_tree = workspace_memory<std::int64_t>(memory.workspace, stream);
    work.wide = {points, job.wide.size()};
    work.tree = narrowed(work.wide_tree);
    work.points = {reinterpret_cast<const Point*>(points), job.points.size()};
  }

  void bind(Work& work, const ChunkJob& job, const ChunkMemory& memory, StreamId stream) const {
    bind_points(work, job, memory, stream);
    const FeatureSet& features = settings_.features;
    ChunkData& data = work.data;
    data.queries = job.queries;
    data.known = job.known;
    if (features.needs_colours()) {
      data.colours = memory.input.access<std::array<std::uint16_t, 4>>("colours", stream).data()->data();
    }
    if (features.needs_classes()) data.classes = memory.input.access<std::uint8_t>("classes", stream);
    data.ids = memory.output.access<std::uint32_t>("ids", stream);
    for (std::size_t i = 0; i < features.size(); ++i) {
      data.columns[i] = memory.output.access<float>(lidar::name(features.features()[i]), stream);
    }
  }

  Device device_;
  ComputeSettings settings_;
  std::array<Work, slots> work_{};
};

}  // namespace

std::unique_ptr<ChunkComputer> make_host_computer(const Device& device, const ComputeSettings& settings) {
  return std::make_unique<HostComputer>(device, settings);
}

}  // namespace weir::lidar
