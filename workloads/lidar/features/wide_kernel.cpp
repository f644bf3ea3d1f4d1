// The kernel of wide trees: for all processors alike, as vectors have no lanes of 128 bits; the build gives this file
// the kernels' flags.
#include "workloads/lidar/features/single_search.hpp"

namespace weir::lidar {

void run_wide(const WideTask& task, const WideNode& node, KernelResult& result) {
  FeatureBatch batch(task, result);
  SingleSearch<std::int64_t> single(task, result, batch);
  for (std::uint32_t position = node.first; position < node.first + node.count; ++position) single.run(position);
  batch.flush();
}

}  // namespace weir::lidar
