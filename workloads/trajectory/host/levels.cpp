#include "workloads/trajectory/host/levels.hpp"

#include "compute/processor.hpp"

namespace weir::trajectory {

#define WEIR_TRAJECTORY_DECLARE(level)                                                                   \
  namespace level {                                                                                      \
  void run_items(const PlanStep& step, const Buffers& buffers, std::uint32_t first, std::uint32_t last); \
  }
WEIR_TRAJECTORY_DECLARE(baseline)
#if defined(__x86_64__)
WEIR_TRAJECTORY_DECLARE(v3)
WEIR_TRAJECTORY_DECLARE(v4)
#endif
#undef WEIR_TRAJECTORY_DECLARE

std::vector<Level> levels() {
#if defined(__x86_64__)
  std::vector<Level> all{{"x86-64", baseline::run_items}};
  if (compute::runs_v3()) all.push_back({"x86-64-v3", v3::run_items});
  if (compute::runs_v4()) all.push_back({"x86-64-v4", v4::run_items});
  return all;
#else
  return {{"baseline", baseline::run_items}};
#endif
}

Level choose_level(std::string_view name) { return compute::choose_level(levels(), name); }

}  // namespace weir::trajectory
