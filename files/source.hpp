// Where the bytes of a file come from, a buffer at a time: the file, gzip data, memory. Read by readers of formats.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace weir::files {

struct Source {
  /// Fills as much of the span as there is and says how much that was: less at the end only.
  std::function<std::size_t(std::span<char>)> read;
  /// Whether the end that was met is a cut; for after that end. None where the data cannot tell.
  std::function<bool()> cut = {};

  [[nodiscard]] bool is_cut() const { return cut && cut(); }
  [[nodiscard]] explicit operator bool() const noexcept { return read != nullptr; }
};

}  // namespace weir::files
