// The coordinate system that a file's records name, as far as distances need it: its name and the units of its
// coordinates, from WKT or GeoTIFF keys. Records are hostile: what is not understood is unknown. Called by the command
// line, and by the run's settings that are in metres.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "las_file.hpp"

namespace weir::lidar {

struct LengthUnit {
  enum class Kind : std::uint8_t { unknown, length, angle };
  Kind kind = Kind::unknown;
  std::string name = {};  ///< as the record has it
  double metres = 0;      ///< of a length
};

struct CoordinateSystem {
  std::string name = {};  ///< empty: none is named
  LengthUnit horizontal = {}, vertical = {};

  [[nodiscard]] bool geographic() const noexcept { return horizontal.kind == LengthUnit::Kind::angle; }
  /// A length in metres as one of the file's horizontal units; where they are unknown they are taken for metres.
  [[nodiscard]] double from_metres(double metres) const noexcept {
    return horizontal.kind == LengthUnit::Kind::length ? metres / horizontal.metres : metres;
  }
};

/// From WKT where the header says so or there are no keys, else from GeoTIFF keys.
[[nodiscard]] CoordinateSystem coordinate_system(const LasFile& file);

[[nodiscard]] CoordinateSystem from_wkt(std::string_view text);
/// `directory` has 16-bit numbers, four a key; `doubles` and `ascii` are what keys point into.
[[nodiscard]] CoordinateSystem from_geotiff(std::span<const std::byte> directory, std::span<const std::byte> doubles,
                                            std::string_view ascii);

}  // namespace weir::lidar
