// Six short demonstrations of buffers, each with a figure that decides whether it passed. Run by `weir demo`, and later
// by pages.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <weir/device.hpp>

namespace weir::tool {

struct DemoResult {
  bool passed = false;
  std::string figure;  ///< what was counted, and what it had to be
};

struct Demo {
  std::string_view name;
  std::string_view shows;
  DemoResult (*run)(const Device& device);
};
/// In the order in which they are shown.
[[nodiscard]] std::span<const Demo> demos() noexcept;

}  // namespace weir::tool
