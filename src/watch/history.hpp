// The latest samples, in one row, so that they can be looked at as a span. Invariant: at most `most` of them, in the
// order in which they came. Used by Watch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <weir/watch.hpp>

namespace weir::watch {

class History {
 public:
  explicit History(std::size_t most) noexcept : most_(most) {}

  void add(const MemorySample& sample) {
    // Twice as many are kept, so that all are moved once in `most` times.
    if (kept_.size() == 2 * most_) kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(most_));
    kept_.push_back(sample);
  }
  [[nodiscard]] std::span<const MemorySample> last(std::size_t count) const noexcept {
    const std::span all(kept_);
    return all.last(std::min({count, most_, all.size()}));
  }
  [[nodiscard]] bool empty() const noexcept { return kept_.empty(); }

 private:
  std::size_t most_;
  std::vector<MemorySample> kept_;
};

}  // namespace weir::watch
