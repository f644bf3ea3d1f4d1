// Names that programs give: to buffers, tags, pools and managers. Those that are allowed
// can be printed in one line of any message; others are made printable to say so.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::core {

inline constexpr std::size_t longest_name = 255;

/// Throws InvalidArgument for a name that is empty, longer than `most` bytes, no UTF-8, or has control characters.
/// `kind` says what it is to name.
void check_name(std::string_view kind, std::string_view name, std::size_t most = longest_name);
/// The name as text for a message: control characters and bytes that are no UTF-8 written as \xNN, cut at 80 bytes.
[[nodiscard]] std::string printable(std::string_view name);

}  // namespace weir::core
