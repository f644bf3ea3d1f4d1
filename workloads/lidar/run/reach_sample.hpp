// The distance of the farthest neighbour, of points spread over a cloud: what a report's quantiles are taken of. What
// comes again takes the place of what came before. Made by the command line.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "workloads/lidar/features/sink.hpp"

namespace weir::lidar {

class ReachSample : public Sink {
 public:
  /// `column` is that of the rows which has the distances.
  ReachSample(std::uint32_t points, std::size_t column)
      : step_(points / max_values + 1), column_(column), values_((std::uint64_t{points} + step_ - 1) / step_) {}

  void take(const FeatureRows& rows) override {
    for (std::size_t i = 0; i < rows.ids.size(); ++i) {
      if (rows.ids[i] % step_ == 0) values_[rows.ids[i] / step_] = rows.columns[column_][i];
    }
  }
  [[nodiscard]] std::vector<float> sorted() {
    std::ranges::sort(values_);
    return std::move(values_);
  }

 private:
  static constexpr std::uint32_t max_values = 100'000;
  std::uint32_t step_;
  std::size_t column_;
  std::vector<float> values_;
};

}  // namespace weir::lidar
