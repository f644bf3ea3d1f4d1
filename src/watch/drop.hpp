// Looks for a share of requests that falls: of those that a cache served, or that took no driver call. Called by Watch
// for every sample.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "watch/evidence.hpp"

namespace weir::watch {

class Drop {
 public:
  explicit Drop(double least_fall) noexcept : least_fall_(least_fall) {}

  /// What happened since the sample before. Evidence if the share has fallen, and did not stand already.
  [[nodiscard]] std::optional<Evidence> note(std::chrono::nanoseconds time, std::uint64_t served,
                                             std::uint64_t requests);
  /// Whether half of the fall that stands is made good; what is now, then.
  [[nodiscard]] std::optional<double> over(const Evidence& standing) const;

 private:
  struct Share {
    std::chrono::nanoseconds time{};
    double served = 0, requests = 0;
  };
  /// Of so many shares on end, pooled.
  [[nodiscard]] double rate(std::size_t first, std::size_t count) const noexcept;
  [[nodiscard]] double now() const noexcept;

  const double least_fall_;
  std::deque<Share> shares_;  // the latest last
  Share open_;                // of samples with too few requests to say anything
};

}  // namespace weir::watch
