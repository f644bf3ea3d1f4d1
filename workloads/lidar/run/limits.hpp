// What a run says where its limit of device memory is too little: the least that would do. Called by the pipeline.
#pragma once

#include <functional>

#include "workloads/lidar/run/pipeline.hpp"

namespace weir::lidar {

/// What `work` gives. Where memory is refused under a limit, throws LimitExceeded that names the least limit, to a
/// mebibyte, under which `try_memory` is not refused; where no larger limit would do, throws what `work` threw, as the
/// limit is not to blame. It is tried and not reckoned, as chunks depend on the limit, and
/// what they take on the device's pages.
[[nodiscard]] RunReport within_limit(const RunSettings& settings, const std::function<RunReport()>& work,
                                     const std::function<void(const RunSettings&)>& try_memory);

}  // namespace weir::lidar
