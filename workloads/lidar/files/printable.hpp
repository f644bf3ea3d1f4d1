// Text from files on its way to a terminal: a name in a hostile file must neither steer the terminal nor fill it.
// Called by whatever puts such a name into a message.
#pragma once

#include <string>
#include <string_view>

namespace weir::lidar {

/// `text` as UTF-8 with a ? for each control character and for each byte that is no UTF-8. Beyond `max_bytes` it is
/// cut between characters, and "..." says so.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes = 80);

/// The same in double quotes.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace weir::lidar
