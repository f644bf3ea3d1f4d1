// Names of buffers: which are allowed, and which are near an unknown one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::manager {

/// Throws InvalidArgument for a name that is empty, longer than 255 bytes, no UTF-8, or has control characters.
void check_name(std::string_view name);
/// The name as text for a message: control characters and bytes that are no UTF-8 written as \xNN, cut at 80 bytes.
[[nodiscard]] std::string printable(std::string_view name);
/// Up to three of `names` that differ little from `name`, the nearest first.
[[nodiscard]] std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& names);

}  // namespace weir::manager
