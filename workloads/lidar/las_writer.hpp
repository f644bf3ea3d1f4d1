// Writes a cloud as LAS 1.4: every point as it was, with the features behind it as extra dimensions of float, and every
// record. Rows may come in any order, and again; all points have to be given one before commit(), without which there
// is no file. One thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cloud.hpp"
#include "feature_set.hpp"
#include "files/output_file.hpp"
#include "sink.hpp"

namespace weir::lidar {

class LasWriter : public Sink {
 public:
  /// Throws InvalidArgument where a dimension of a feature's name is there already, or points or records would pass
  /// what LAS can hold; DriverError where there is no space for the file. `file` has had nothing written to it yet.
  LasWriter(const Cloud& cloud, const FeatureSet& features, files::OutputFile& file);

  void take(const FeatureRows& rows) override;
  void commit();
  [[nodiscard]] std::uint64_t bytes() const noexcept { return plan_.total; }

 private:
  struct Plan {
    std::vector<LasRecord> records, extended;
    std::vector<std::byte> descriptors;
    std::uint64_t header = 0, points = 0, extended_at = 0, total = 0;
    std::uint16_t point_bytes = 0;
  };
  [[nodiscard]] static Plan plan(const Cloud& cloud, const FeatureSet& features);
  void write_header();
  void write_counts(std::byte* header) const;
  void write_records();

  const Cloud& cloud_;
  Plan plan_;
  files::OutputFile& file_;
  std::span<std::byte> image_;  // the file's
};

}  // namespace weir::lidar
