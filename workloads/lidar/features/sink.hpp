// What takes the results of a run: rows of features for points by their index in the cloud.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/lidar/features/feature_set.hpp"

namespace weir::lidar {

struct FeatureRows {
  std::span<const std::uint32_t> ids;
  /// In the set's order, each as long as ids; null where values taken earlier stay, never at first.
  std::vector<const float*> columns;
};

class Sink {
 public:
  Sink() = default;
  virtual ~Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  /// Rows that come again for a point take the place of the earlier ones.
  virtual void take(const FeatureRows& rows) = 0;
};

}  // namespace weir::lidar
