// Which names of buffers are near an unknown one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::manager {

/// Up to three of `names` that differ little from `name`, the nearest first.
[[nodiscard]] std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& names);

}  // namespace weir::manager
