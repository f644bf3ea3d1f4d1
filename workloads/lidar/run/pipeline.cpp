#include "workloads/lidar/run/pipeline.hpp"

#include <utility>

#include "compute/losses.hpp"
#include "workloads/lidar/run/one_run.hpp"

namespace weir::lidar {

RunReport run(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory, Sink& sink) {
  Reached reached;
  compute::Losses losses(memory);
  const std::uint64_t spilled_before = memory.statistics().transfers.bytes_spilled;
  losses.survive([&] {
    try {
      Run(cloud, settings, memory, sink, losses, reached).go();
    } catch (const DeviceLost&) {
      // The one that the run had gone over to: the first, slow as it is, does the rest.
      if (!std::exchange(reached.away, false)) throw;
      reached.lost_next = true;
      Run(cloud, settings, memory, sink, losses, reached).go();
    }
  });
  reached.report.recoveries = losses.recoveries();
  reached.report.lost_bytes = losses.lost_bytes();
  reached.report.spilled_bytes = memory.statistics().transfers.bytes_spilled - spilled_before;
  return reached.report;
}

void check(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory) {
  class : public Sink {
    void take(const FeatureRows&) override {}
  } none;
  Reached reached;
  compute::Losses losses(memory);
  losses.survive([&] { Run(cloud, settings, memory, none, losses, reached).try_memory(); });
}

}  // namespace weir::lidar
