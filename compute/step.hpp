// What a workload's plan is made of: steps, each a kernel over so many items that may run at once, and none before all
// of the step before it. A plan is the same for every device; loop.hpp, cuda_program.cuh and vulkan_program.hpp run it.
#pragma once

#include <cstdint>

namespace weir::compute {

/// `Body` is the enumeration of a workload's kernels, `Parameters` the struct of what it tells them.
template <class Body, class Parameters>
struct Step {
  Body body;
  std::uint32_t items;
  Parameters parameters;
  std::uint32_t memory = 0;  ///< which of the plan's sets of memory it uses, where the plan has several
};

/// Whether real numbers are of 32 or 64 bits.
enum class Precision : std::uint8_t { floats, doubles };

}  // namespace weir::compute
