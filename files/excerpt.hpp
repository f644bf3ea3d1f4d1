// Foreign text in error messages: whatever a file holds, a message stays one
// line of printable characters. Used by readers of files.
#pragma once

#include <string>
#include <string_view>

namespace weir::files {

/// The first 40 bytes in single quotes; all but printable ASCII as \xNN, "..." where cut.
[[nodiscard]] std::string excerpt(std::string_view text);

/// The whole text, for a path: control characters become '?', the rest is kept.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace weir::files
