// The coordinate system that a file's records name, as far as distances need it: its name and the units of its
// coordinates, from WKT or GeoTIFF keys. Records are hostile: what is not understood is unknown. Called by the command
// line, and by the run's settings that are in metres.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/lidar/files/las_file.hpp"

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
  std::vector<std::string> told = {};  ///< what of the records is not understood or contradicts itself, a sentence each

  [[nodiscard]] bool geographic() const noexcept { return horizontal.kind == LengthUnit::Kind::angle; }
  /// A length in metres as one of the file's horizontal units; where they are unknown they are taken for metres.
  [[nodiscard]] double from_metres(double metres) const noexcept {
    return horizontal.kind == LengthUnit::Kind::length ? metres / horizontal.metres : metres;
  }
};

/// Whether coordinates in the two are alike, up to rounding in texts.
[[nodiscard]] bool same_unit(const LengthUnit& one, const LengthUnit& other) noexcept;

/// From WKT where the header says so or there are no keys, else from GeoTIFF keys.
[[nodiscard]] CoordinateSystem coordinate_system(const LasFile& file);

/// WKT of more than 64 KiB or 10,000 nodes is not understood.
[[nodiscard]] CoordinateSystem from_wkt(std::string_view text);
/// `directory` has 16-bit numbers, four a key; `doubles` and `ascii` are what keys point into.
[[nodiscard]] CoordinateSystem from_geotiff(std::span<const std::byte> directory, std::span<const std::byte> doubles,
                                            std::string_view ascii);

}  // namespace weir::lidar
