// LAS files made in memory with scales and offsets of their own, one or several to a cloud: for the tests of clouds
// that are far across.
#pragma once

#include <array>
#include <random>
#include <vector>

#include "clouds.hpp"

namespace weir::lidar::test {

using Numbers = std::array<double, 3>;

inline std::vector<std::byte> scaled(const std::vector<MadePoint>& points, const Numbers& scale,
                                     const Numbers& offset = {}) {
  std::vector<std::byte> bytes = las_bytes(points);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    write_number(bytes.data() + 131 + 8 * axis, scale[axis]);
    write_number(bytes.data() + 155 + 8 * axis, offset[axis]);
  }
  return bytes;
}

/// Several files, and the bytes they lie in.
struct Files {
  std::vector<std::vector<std::byte>> bytes;
  Cloud cloud;
  explicit Files(std::vector<std::vector<std::byte>> all) : bytes(std::move(all)), cloud(opened()) {}

 private:
  [[nodiscard]] std::vector<LasFile> opened() const {
    std::vector<LasFile> files;
    for (const auto& each : bytes) files.emplace_back("memory", std::span<const std::byte>(each));
    return files;
  }
};

inline std::int32_t any(std::mt19937& random, std::int64_t low, std::int64_t high) {
  return static_cast<std::int32_t>(std::uniform_int_distribution<std::int64_t>(low, high)(random));
}

inline MadePoint anywhere(std::mt19937& random) {
  const auto each = [&] { return any(random, INT32_MIN, INT32_MAX); };
  return {each(), each(), each(), static_cast<std::uint8_t>(random() % 3)};
}

}  // namespace weir::lidar::test
