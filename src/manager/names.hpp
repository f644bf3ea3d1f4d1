// Which names of buffers are near an unknown one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::manager {

/// The three of `names`, or all if there are fewer, that are nearest to `name`, the nearest first. Upper and lower case
/// are the same; what both begin with counts.
[[nodiscard]] std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& names);

}  // namespace weir::manager
