// Writes a cloud as LAS 1.4: every point as it was, with the features behind it as extra dimensions of float, and every
// record. Rows may come in any order, and again; all points have to be given one before commit(), without which there
// is no file. One thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "files/output_file.hpp"
#include "workloads/lidar/features/sink.hpp"
#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/files/dimensions.hpp"

namespace weir::lidar {

/// The values of one of the features that were written. Without any number all are NaN.
struct ColumnSummary {
  std::string name;
  double least = 0, mean = 0, greatest = 0;
  std::uint64_t nans = 0;
};

class LasWriter : public Sink {
 public:
  /// Throws InvalidArgument where features cannot be named, or points or records would pass what LAS can hold;
  /// DriverError where there is no space for the file. `file` has had nothing written to it yet.
  LasWriter(const Cloud& cloud, std::span<const Scale> scales, const Naming& naming, files::OutputFile& file);
  LasWriter(const Cloud& cloud, const FeatureSet& features, files::OutputFile& file)
      : LasWriter(cloud, std::vector<Scale>{{features}}, {}, file) {}

  /// The rows that come from now on are of that scale; at first of scale 0, which has to be whole before others begin.
  void begin_scale(std::size_t scale) noexcept { scale_ = scale; }
  /// Columns beyond the scale's own features are not written.
  void take(const FeatureRows& rows) override;
  /// Of all features, when all rows have come, by so many threads; before commit().
  [[nodiscard]] std::vector<ColumnSummary> summarize(unsigned threads) const;
  void commit();
  [[nodiscard]] std::uint64_t bytes() const noexcept { return plan_.total; }
  /// What the output lacks of the inputs, or has otherwise, a sentence each.
  [[nodiscard]] const std::vector<std::string>& told() const noexcept { return plan_.told; }

 private:
  struct Plan {
    std::vector<LasRecord> records, extended;
    Dimensions dimensions;
    std::uint64_t header = 0, points = 0, extended_at = 0, total = 0;
    std::vector<std::string> told;
  };
  [[nodiscard]] static Plan plan(const Cloud& cloud, std::span<const Scale> scales, const Naming& naming);
  void write_header();
  void write_counts(std::byte* header) const;
  void write_records();
  void copy_point(std::uint32_t id, std::byte* to) const;

  const Cloud& cloud_;
  Plan plan_;
  std::size_t scale_ = 0;
  files::OutputFile& file_;
  std::span<std::byte> image_;  // the file's
};

}  // namespace weir::lidar
