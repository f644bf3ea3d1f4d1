// Plans in plain loops, for a device whose memory is the host's: the reference that all others are compared to. Waits
// until the stream is idle, then computes on the calling thread. Used by tests.
#pragma once

#include "compute/loop.hpp"
#include "compute/runner.hpp"

namespace weir::compute {

template <class Kernels>
class LoopRunner final : public Runner<Kernels> {
 public:
  explicit LoopRunner(const Device& device) : device_(device) {}

  [[nodiscard]] std::string name() const override { return "loops"; }
  void queue(std::span<const typename Runner<Kernels>::PlanStep> steps, Bindings memory, StreamId stream) override {
    device_.synchronize(stream, std::chrono::hours(1));
    for (const auto& step : steps) {
      run_in_loops<Kernels>(std::span(&step, 1), buffers_at<Kernels>(memory, step.memory));
    }
  }

 private:
  Device device_;
};

}  // namespace weir::compute
