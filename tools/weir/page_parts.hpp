// The report's page without its data, put together from page/ by page/embed.cmake when the tool is built.
#pragma once

#include <string_view>

namespace weir::tool {

/// Up to where the data come.
[[nodiscard]] std::string_view page_start() noexcept;
[[nodiscard]] std::string_view page_end() noexcept;

}  // namespace weir::tool
