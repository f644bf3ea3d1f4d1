// The extra dimensions that the output has for features: their names, which meet no dimension of the
// input (and no field of the format, whatever stands before or behind a feature's name), and where a point has them.
// Made by the writer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/lidar/features/feature_set.hpp"
#include "workloads/lidar/files/joint_layout.hpp"

namespace weir::lidar {

/// The features of one size of neighbourhood. Where there are several sizes, each has a mark, such as "_k10", behind
/// the names of the features that depend on it.
struct Scale {
  FeatureSet features;
  std::string mark = {};
};

struct Naming {
  std::string prefix = {}, suffix = {};  ///< of every feature's name
  bool overwrite = false;                ///< features of the input, by their names, are replaced; else an error
};

struct Dimensions {
  struct Written {
    std::string name;
    std::uint16_t place = 0;  ///< bytes into a point
  };
  std::vector<Written> written;                    ///< all features, scale by scale
  std::vector<std::vector<std::uint16_t>> places;  ///< by scale, then in its set's order
  std::vector<std::byte> descriptors;              ///< those of the layout, and the features'
  std::uint16_t point_bytes = 0;
  std::vector<std::string> overwritten;  ///< names, as the input spells them
};

/// Names are compared without case, as readers do. Throws InvalidArgument naming the dimension and the remedy;
/// `path` is for messages.
[[nodiscard]] Dimensions place_features(const JointLayout& layout, std::span<const Scale> scales, const Naming& naming,
                                        const std::string& path);

}  // namespace weir::lidar
