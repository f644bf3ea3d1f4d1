// A picture of a cloud from above, coloured by one feature, with a legend: PNG. Takes the rows as they come; where
// several points fall on a pixel, the highest shows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "files/output_file.hpp"
#include "workloads/lidar/features/sink.hpp"
#include "workloads/lidar/files/cloud.hpp"

namespace weir::lidar {

class Preview : public Sink {
 public:
  /// Throws InvalidArgument where the set lacks the feature.
  Preview(const Cloud& cloud, const FeatureSet& features, Feature shown);

  void take(const FeatureRows& rows) override;
  /// The whole file, but for its commit(). Throws DriverError naming the file and the reason.
  void write(files::OutputFile& file) const;

 private:
  struct Pixel {
    std::int32_t z = INT32_MIN;
    float value = 0;
  };
  /// The values that the colours begin and end at: past outliers.
  void range(float& low, float& high) const;
  [[nodiscard]] std::vector<std::uint8_t> render() const;
  void legend(std::vector<std::uint8_t>& image, float low, float high) const;

  const Cloud& cloud_;
  Feature shown_;
  std::size_t column_;
  std::size_t width_ = 1, height_ = 1;
  double pixel_ = 1;  // steps
  std::vector<Pixel> pixels_;
};

}  // namespace weir::lidar
