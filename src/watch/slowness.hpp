// Looks for operations that take several times as long as they did. Called by Watch for every sample.
#pragma once

#include <chrono>
#include <deque>
#include <optional>

#include <weir/watch.hpp>

#include "watch/evidence.hpp"

namespace weir::watch {

class Slowness {
 public:
  explicit Slowness(double factor) noexcept : factor_(factor) {}

  /// What the operations since the sample before took. Evidence if they are slow.
  [[nodiscard]] std::optional<Evidence> note(std::chrono::nanoseconds time, const Timing& done);
  /// Whether what stands is over; what is now, then.
  [[nodiscard]] std::optional<double> over(const Evidence& standing) const;

 private:
  struct Mean {
    std::chrono::nanoseconds time{};
    double seconds = 0;
  };
  [[nodiscard]] double median_of_latest() const;

  const double factor_;
  std::deque<Mean> means_;  // the latest last
};

}  // namespace weir::watch
