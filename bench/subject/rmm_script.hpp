// RMM's published benchmark random_allocations as a list of steps. Which step frees which block depends
// on sizes and counts alone, so all of it is drawn beforehand, from the same generator and
// distributions and in the same order as there, and the clock sees only the allocator.
// Source: rapidsai/rmm, benchmarks/random_allocations/random_allocations.cpp.
#pragma once

#include <cstdint>
#include <vector>

namespace bench::subject {

struct RmmScript {
  struct Step {
    std::uint32_t index = 0;
    std::uint32_t size = 0;
    bool allocates = false;
  };
  std::vector<Step> steps;     ///< 2n of them
  std::vector<Step> left;      ///< blocks still live after the last step
  std::uint32_t max_live = 0;  ///< blocks live at once, at most
  std::uint64_t peak_bytes = 0;
};

/// For n allocations of 1 … `largest` bytes.
[[nodiscard]] RmmScript make_rmm_script(unsigned n, std::uint32_t largest);

struct RmmTime {
  double seconds = 0;
  double cpu_share = 0;  ///< of one core
};

/// Runs all steps against the subject; what is left is freed when the clock has stopped.
RmmTime run_rmm_script(const RmmScript& script);

}  // namespace bench::subject
