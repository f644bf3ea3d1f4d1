// Plans on the host by a workload's own fast loops, for a device whose memory is the host's. Waits until the stream is
// idle, then computes on the calling thread and, where a step is worth it, on others. Used by the workloads' makers of
// runners.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "compute/runner.hpp"
#include "compute/team.hpp"

namespace weir::compute {

template <class Kernels>
class HostRunner final : public Runner<Kernels> {
 public:
  using PlanStep = typename Runner<Kernels>::PlanStep;
  /// Computes part `part` of `parts` of a step; the parts together give the same bits, however many there are.
  using Run = void (*)(const PlanStep& step, const typename Kernels::Buffers& buffers, std::uint32_t part,
                       std::uint32_t parts);
  /// How much a step has to do, in multiplications or so.
  using Work = std::uint64_t (*)(const PlanStep& step);

  HostRunner(const Device& device, std::string name, Run run, Work work, unsigned threads)
      : device_(device), name_(std::move(name)), run_(run), work_(work), threads_(threads) {}

  [[nodiscard]] std::string name() const override { return name_; }
  void queue(std::span<const PlanStep> steps, Bindings memory, StreamId stream) override {
    device_.synchronize(stream, std::chrono::hours(1));
    for (const PlanStep& step : steps) {
      const typename Kernels::Buffers buffers = buffers_at<Kernels>(memory, step.memory);
      if (threads_ < 2 || work_(step) < worth_threads) {
        run_(step, buffers, 0, 1);
        continue;
      }
      if (!team_) team_ = std::make_unique<Team>(threads_);
      const auto parts = static_cast<std::uint32_t>(team_->size());
      team_->each([&](std::size_t self) { run_(step, buffers, static_cast<std::uint32_t>(self), parts); });
    }
  }

 private:
  static constexpr std::uint64_t worth_threads = 200'000;  // some 50 µs of one thread, ten times a team's start

  Device device_;
  const std::string name_;
  const Run run_;
  const Work work_;
  const unsigned threads_;
  std::unique_ptr<Team> team_;
};

}  // namespace weir::compute
