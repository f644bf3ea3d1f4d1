// What the judges share: each looks at samples as they come, and says whether they show what it looks for. A finding is
// told once, stands until the judge says that it is over, and is told again then.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include <weir/watch.hpp>

namespace weir::watch {

/// What a judge has seen.
struct Evidence {
  std::chrono::nanoseconds since{};
  double before = 0;
  double now = 0;
  double bytes_per_second = 0;
};

[[nodiscard]] inline double seconds(std::chrono::nanoseconds time) noexcept {
  return std::chrono::duration<double>(time).count();
}

}  // namespace weir::watch
