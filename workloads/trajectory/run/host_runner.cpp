// Plans on the host device: as a host function of the stream, on the columns themselves, by a team of threads that
// share the paths.
#include <algorithm>
#include <thread>
#include <vector>

#include "compute/team.hpp"
#include "workloads/trajectory/host/levels.hpp"
#include "workloads/trajectory/run/runners.hpp"

namespace weir::trajectory {
namespace {

class HostRunner final : public Runner {
 public:
  HostRunner(const Device& device, unsigned threads, const std::string& kernels)
      : device_(device),
        level_(choose_level(kernels)),
        team_(threads != 0 ? threads : std::max(std::thread::hardware_concurrency(), 1U)) {}

  [[nodiscard]] std::string name() const override { return std::string(level_.name); }
  void queue(std::span<const PlanStep> steps, compute::Bindings memory, StreamId stream) override {
    const Buffers buffers = compute::buffers_at<Kernels>(memory);
    device_.run(stream, [this, buffers, plan = std::vector<PlanStep>(steps.begin(), steps.end())] {
      for (const PlanStep& step : plan) {
        team_.in_ranges(step.items, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
          level_.run(step, buffers, first, last);
        });
      }
    });
  }

 private:
  Device device_;
  Level level_;
  compute::Team team_;
};

}  // namespace

ChosenRunner make_host_runner(const Device& device, unsigned threads, const std::string& kernels) {
  return {std::make_unique<HostRunner>(device, threads, kernels), compute::Precision::doubles};
}

}  // namespace weir::trajectory
