// Six short demonstrations of buffers, each with a figure that decides whether it passed. Each makes its memory by what
// it is given, so that a test can hand it memory that is broken. Run by `weir demo`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <weir/device.hpp>
#include <weir/manager.hpp>

namespace weir::tool {

struct DemoResult {
  bool passed = false;
  std::string figure;  ///< what was counted, and what it had to be
};

/// A manager of device memory with a limit of so many bytes, and of nothing else.
using MakeMemory = std::function<std::unique_ptr<MemoryManager>(std::uint64_t limit)>;
/// That of a device.
[[nodiscard]] MakeMemory demo_memory(const Device& device);

struct Demo {
  std::string_view name;
  std::string_view shows;
  DemoResult (*run)(const MakeMemory& make);
};
/// In the order in which they are shown.
[[nodiscard]] std::span<const Demo> demos() noexcept;

}  // namespace weir::tool
