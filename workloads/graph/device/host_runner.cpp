// Plans on the host device: as a host function of the stream, by a team of threads that share each step that is worth
// it.
#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include "compute/team.hpp"
#include "workloads/graph/device/runners.hpp"
#include "workloads/graph/host/levels.hpp"

namespace weir::graph {
namespace {

/// Some 50 µs of one thread, ten times what a team takes to start.
constexpr std::uint64_t worth_threads = 200'000;

/// What plans are run by. Those that are queued have a share of it, so that a runner may go before they have run.
class Loops {
 public:
  Loops(unsigned threads, const std::string& kernels)
      : level_(choose_level(kernels)),
        team_(threads != 0 ? threads : std::max(std::thread::hardware_concurrency(), 1U)) {}

  [[nodiscard]] std::string name() const { return std::string(level_.name); }
  void run(const PlanStep& step, const forces::Buffers& buffers) {
    const std::uint32_t rounds = rounds_of(step);
    const bool alone = team_.size() < 2 || work_of(step) < worth_threads;
    const auto parts = static_cast<std::uint32_t>(team_.size());
    for (std::uint32_t round = 0; round < rounds; ++round) {
      if (alone) {
        level_.run(step, buffers, round, 0, 1);
        continue;
      }
      team_.each([&](std::size_t self) { level_.run(step, buffers, round, static_cast<std::uint32_t>(self), parts); });
    }
  }

 private:
  Level level_;
  compute::Team team_;
};

class HostRunner final : public Runner {
 public:
  HostRunner(const Device& device, unsigned threads, const std::string& kernels)
      : device_(device), loops_(std::make_shared<Loops>(threads, kernels)) {}

  [[nodiscard]] std::string name() const override { return loops_->name(); }
  void queue(std::span<const PlanStep> steps, compute::Bindings memory, StreamId stream) override {
    const forces::Buffers buffers = compute::buffers_at<forces::Kernels>(memory);
    device_.run(stream, [loops = loops_, buffers, plan = std::vector<PlanStep>(steps.begin(), steps.end())] {
      for (const PlanStep& step : plan) loops->run(step, buffers);
    });
  }

 private:
  Device device_;
  const std::shared_ptr<Loops> loops_;
};

}  // namespace

std::unique_ptr<Runner> make_host_runner(const Device& device, unsigned threads, const std::string& kernels) {
  return std::make_unique<HostRunner>(device, threads, kernels);
}

}  // namespace weir::graph
