// What a run says where its limit of device memory is too little: the least that would do. Called by what opens the
// memory of a run.
#pragma once

#include <cstdint>
#include <functional>

namespace weir::lidar {

/// Calls `work`. Where memory is refused under a limit, which is not 0, throws LimitExceeded that names the least
/// limit, to a mebibyte, under which `try_memory` is not refused; where no larger limit would do, throws what `work`
/// threw, as the limit is not to blame. It is tried and not reckoned, as chunks depend on the limit, and what they take
/// on the device's pages.
void within_limit(std::uint64_t limit, const std::function<void()>& work,
                  const std::function<void(std::uint64_t limit)>& try_memory);

}  // namespace weir::lidar
