// Plans in plain loops on the host, an item after the other: the reference that a GPU's results are compared to, and a
// test of what a CUDA kernel does where there is none. Called by tests.
#pragma once

#include <cstdint>

namespace weir::compute {

/// Runs all steps on the calling thread. `Kernels` is as for cuda_program.cuh.
template <class Kernels, class Steps>
void run_in_loops(const Steps& steps, const typename Kernels::Buffers& buffers) {
  for (const auto& step : steps) {
    with_body(step.body, [&](auto body) {
      for (std::uint32_t item = 0; item < step.items; ++item) {
        Kernels::template run<decltype(body)::value>(buffers, step.parameters, item);
      }
    });
  }
}

}  // namespace weir::compute
