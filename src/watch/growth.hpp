// Looks for memory that grows and does not come back, and for memory that is taken and not explained, in stretches of
// samples: a twelfth of the window each. Called by Watch for every sample; does something at the end of a stretch.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include <weir/watch.hpp>

#include "watch/evidence.hpp"

namespace weir::watch {

/// Some samples on end.
struct Stretch {
  std::chrono::nanoseconds begin{}, end{};
  double least_requested = 0;
  double peak_requested = 0;  ///< from the beginning, at the end of it
  double least_reserved = 0, most_reserved = 0;
  double most_in_use = 0;

  /// What part of what is reserved was never requested at one time.
  [[nodiscard]] double unexplained() const noexcept {
    return most_reserved <= peak_requested ? 0 : 1 - peak_requested / most_reserved;
  }
};

class Stretches {
 public:
  static constexpr std::size_t in_window = 12;
  explicit Stretches(const WatchOptions& options) noexcept;

  /// True if a stretch ended with this sample.
  bool note(const MemorySample& sample);
  /// The latest ones, as many as the history has samples for.
  [[nodiscard]] const std::vector<Stretch>& all() const noexcept { return all_; }

  // --- Of the stretches that have ended ---

  [[nodiscard]] std::optional<Evidence> leak() const;
  /// Whether what leaked has come to rest.
  [[nodiscard]] bool at_rest() const noexcept;
  [[nodiscard]] std::optional<Evidence> unexplained() const;
  /// Bytes a second by which the most in use of the stretches grows; empty where it does not, or too few are known.
  [[nodiscard]] std::optional<double> growth() const;

 private:
  const std::size_t length_, most_;
  const double leak_bytes_, leak_share_, unexplained_bytes_, rise_;
  std::vector<Stretch> all_;
  Stretch open_;
  std::size_t in_open_ = 0;
};

}  // namespace weir::watch
