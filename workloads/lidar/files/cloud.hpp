// One cloud of one or more LAS files: all coordinates as integers in one unit from one origin, and one index over all
// points in the files' order. Where the cloud is more than 2^31 units across it is wide: its integers have 64 bits, and
// beside them each point has a cell of 32 bits, of a grid of 2^n units, which brings points into chunks. Made once by a
// pass over all points; then read by any threads.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "workloads/lidar/files/joint_crs.hpp"
#include "workloads/lidar/files/joint_layout.hpp"
#include "workloads/lidar/files/las_file.hpp"
#include "workloads/lidar/neighbours/tree.hpp"

namespace weir::lidar {

/// Whether a cloud's colours will be asked for. Telling colours of 8 bits from those of 16 can take a look at every
/// point.
enum class ColourUse : std::uint8_t { needed, unneeded };

class Cloud {
 public:
  /// The most units that a cloud may be across: sums over the neighbours of a point are exact in 128 bits.
  static constexpr std::int64_t max_across = std::int64_t{1} << 53;

  /// Files that are one cloud have points that can be brought to one layout, and units of one kind. Axes and files of
  /// unequal scales count in one unit, so that distances are true. Throws InvalidArgument naming the file and the field
  /// that does not fit, and what LasFile throws.
  explicit Cloud(std::vector<LasFile> files, ColourUse colours = ColourUse::needed);
  /// A file that is given twice, by whatever names, is refused.
  [[nodiscard]] static Cloud open(const std::vector<std::string>& paths, Reading reading = Reading::tolerant,
                                  ColourUse colours = ColourUse::needed);

  [[nodiscard]] const std::vector<LasFile>& files() const noexcept { return files_; }
  [[nodiscard]] const JointLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] const JointSystem& coordinates() const noexcept { return coordinates_; }
  [[nodiscard]] std::uint32_t points() const noexcept { return first_.back(); }
  /// One integer step, in the files' own units.
  [[nodiscard]] double unit() const noexcept { return unit_; }
  [[nodiscard]] bool wide() const noexcept { return cell_bits_ != 0; }
  /// A cell is 2^cell_bits() units long; where the cloud is not wide, one.
  [[nodiscard]] unsigned cell_bits() const noexcept { return cell_bits_; }
  [[nodiscard]] double cell() const noexcept { return std::ldexp(unit_, static_cast<int>(cell_bits_)); }
  /// In cells.
  [[nodiscard]] std::array<std::int32_t, 3> extent() const noexcept { return extent_; }
  [[nodiscard]] bool has_ground() const noexcept { return ground_ != 0; }
  [[nodiscard]] std::uint64_t ground_points() const noexcept { return ground_; }
  [[nodiscard]] bool has_rgb() const noexcept;
  [[nodiscard]] bool has_nir() const noexcept;
  /// Whether a file's colours are of 8 bits, in the 16 that the format has for them: no point has more. Never where
  /// they are not needed.
  [[nodiscard]] bool rgb_of_8_bits(std::size_t file) const noexcept { return has_rgb() && depths_[file].colour != 1; }
  [[nodiscard]] bool nir_of_8_bits(std::size_t file) const noexcept { return has_nir() && depths_[file].infrared != 1; }
  /// Points by return number, from 1 on.
  [[nodiscard]] const std::array<std::uint64_t, 15>& by_return() const noexcept { return by_return_; }

  /// The file of a point.
  [[nodiscard]] std::size_t file_of(std::uint32_t id) const noexcept;
  [[nodiscard]] std::uint32_t first_of(std::size_t file) const noexcept { return first_[file]; }
  /// Its cell, which is its exact coordinates where the cloud is not wide.
  [[nodiscard]] Point point(std::size_t file, std::uint32_t id) const noexcept;
  /// Its exact coordinates, in units from the cloud's low corner.
  [[nodiscard]] WidePoint exact(std::uint32_t id) const noexcept;
  [[nodiscard]] std::uint8_t classification(std::uint32_t id) const noexcept;
  /// Red, green, blue, nir, of 16 bits where they were said to be needed; 0 where there is none.
  void colours(std::uint32_t id, std::uint16_t* out) const noexcept;

  /// What the output's coordinates are: those of the only or of equal files, else each axis in the coarsest step that
  /// all files' are whole in, from the first file's offset.
  [[nodiscard]] bool same_coordinates() const noexcept { return same_coordinates_; }
  /// Else there is no such step, or coordinates in it do not fit 32 bits: they are rounded, to the finest scale of each
  /// axis or to one that fits.
  [[nodiscard]] bool output_exact() const noexcept { return same_coordinates_ || !output_.front().rounded; }
  [[nodiscard]] const std::array<double, 3>& output_scale() const noexcept { return output_scale_; }
  /// A point's coordinates in the output's steps from the first file's offset.
  [[nodiscard]] std::array<std::int32_t, 3> output_position(std::uint32_t id) const noexcept;
  /// Smallest and largest of output_position; 0 where there are no points.
  [[nodiscard]] const std::array<std::int32_t, 3>& output_low() const noexcept { return output_low_; }
  [[nodiscard]] const std::array<std::int32_t, 3>& output_high() const noexcept { return output_high_; }

 private:
  /// coordinate = raw × factor + shift, in some unit from the first file's offset. Where scales and offsets have no
  /// common unit they are not whole: coordinates are rounded.
  struct Placement {
    std::array<std::int64_t, 3> factor{}, shift{};
    std::array<long double, 3> ratio{},
        apart{};  // of 64 bits or more: products with raw coordinates lose nothing that counts
    bool rounded = false;

    [[nodiscard]] std::int64_t place(std::size_t axis, std::int32_t raw) const noexcept {
      if (rounded) return std::llround(raw * ratio[axis] + apart[axis]);
      return raw * factor[axis] + shift[axis];
    }
    [[nodiscard]] long double real(std::size_t axis, std::int32_t raw) const noexcept {
      if (rounded) return raw * ratio[axis] + apart[axis];
      return static_cast<long double>(raw * factor[axis] + shift[axis]);
    }
  };
  struct RawBounds {
    std::array<std::int32_t, 3> low, high;
  };
  void check_alike() const;
  void find_unit();
  [[nodiscard]] bool fits(double unit, std::vector<Placement>& placements) const;
  /// Of coordinates in that unit, where there is no common one.
  [[nodiscard]] Placement rounded(const LasHeader& header, const std::array<double, 3>& unit) const noexcept;
  void round_to(double unit);
  void scan();
  void scan_colours(std::size_t file);
  /// As the file has them.
  void colours_of(std::size_t file, std::uint32_t id, std::uint16_t* out) const noexcept;
  /// Counts, and the bounds of the file's own coordinates.
  [[nodiscard]] RawBounds scan_file(const LasFile& source);
  /// The most units across, of all axes; makes them count from the low corner. Throws where they are too many.
  [[nodiscard]] std::int64_t set_origin(const std::vector<RawBounds>& raw);
  void set_output(const std::vector<RawBounds>& raw);
  void join_outputs(const std::vector<RawBounds>& raw);
  [[nodiscard]] double farthest(const std::vector<RawBounds>& raw, std::size_t axis, double step) const noexcept;
  [[nodiscard]] WidePoint exact_in(std::size_t file, std::uint32_t id) const noexcept;
  /// In the output's steps.
  [[nodiscard]] std::int32_t output(std::size_t file, std::size_t axis, std::int32_t raw) const noexcept;

  std::vector<LasFile> files_;
  JointLayout layout_;
  JointSystem coordinates_;
  std::vector<std::uint32_t> first_;            // and the total
  std::vector<Placement> placements_, output_;  // of each file; in units, and in the output's steps
  double unit_ = 1;
  unsigned cell_bits_ = 0;
  bool same_coordinates_ = true;
  std::array<std::int64_t, 3> across_{};
  std::array<double, 3> output_scale_{};
  std::array<std::int32_t, 3> extent_{}, output_low_{}, output_high_{};
  std::array<std::uint64_t, 15> by_return_{};
  std::uint64_t ground_ = 0;
  /// What makes 16 bits of a file's colours.
  struct Depth {
    std::uint16_t colour = 1, infrared = 1;
  };
  std::vector<Depth> depths_;  // by file
};

}  // namespace weir::lidar
