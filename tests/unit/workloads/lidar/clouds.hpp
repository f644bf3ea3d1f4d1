// For the tests of the LiDAR workload: files of the data folder, clouds made in memory, and a sink that keeps
// all rows by point.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/run/open_memory.hpp"

namespace weir::lidar::test {

/// A file of the data folder, or an empty path where it is not there.
[[nodiscard]] std::string data_file(const std::string& name);

/// Rows by feature, then by point.
class Kept : public Sink {
 public:
  Kept(const FeatureSet& features, std::uint32_t points);
  void take(const FeatureRows& rows) override;
  [[nodiscard]] const std::vector<float>& operator[](Feature feature) const { return columns_[set_.column(feature)]; }
  [[nodiscard]] const std::vector<std::vector<float>>& columns() const noexcept { return columns_; }
  /// How often each point was given.
  [[nodiscard]] const std::vector<unsigned>& taken() const noexcept { return taken_; }

 private:
  FeatureSet set_;
  std::vector<std::vector<float>> columns_;
  std::vector<unsigned> taken_;
};

/// Equal bit for bit; says where not.
[[nodiscard]] std::string difference(const Kept& one, const Kept& other);

struct MadePoint {
  std::int32_t x, y, z;
  std::uint8_t classification = 0;
};
/// A LAS file of version 1.2, format 0, with a scale of 0.01 and offset 0.
[[nodiscard]] std::vector<std::byte> las_bytes(const std::vector<MadePoint>& points);

/// Uneven density, steps, duplicates, a far outlier and a gap.
[[nodiscard]] std::vector<MadePoint> mixed_points(std::size_t count);

/// A cloud with the bytes it lies in.
struct Memory {
  std::vector<std::byte> bytes;
  Cloud cloud;
  explicit Memory(const std::vector<MadePoint>& points) : Memory(las_bytes(points)) {}
  explicit Memory(std::vector<std::byte> file) : bytes(std::move(file)), cloud(files(bytes)) {}
  static std::vector<LasFile> files(const std::vector<std::byte>& bytes);
};

/// A whole run with memory of its own.
struct Ran {
  Ran(const FeatureSet& features, std::uint32_t points) : rows(features, points) {}
  Kept rows;
  RunReport report;
};
[[nodiscard]] std::unique_ptr<Ran> run_kept(const Cloud& cloud, const RunSettings& settings,
                                            const MemorySettings& memory = {.backend = "host"});

}  // namespace weir::lidar::test
