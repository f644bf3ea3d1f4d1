// What features come to over a whole cloud: read from the finished points, as rows may have come twice.
#include <algorithm>
#include <cmath>
#include <limits>

#include "compute/team.hpp"
#include "workloads/lidar/files/las_writer.hpp"

namespace weir::lidar {
namespace {

struct Sum {
  double least = std::numeric_limits<double>::infinity(), greatest = -least, sum = 0;
  std::uint64_t count = 0;

  void add(float value) noexcept {
    if (std::isnan(value)) return;
    least = std::min(least, double{value});
    greatest = std::max(greatest, double{value});
    sum += value;
    ++count;
  }
  void add(const Sum& other) noexcept {
    least = std::min(least, other.least);
    greatest = std::max(greatest, other.greatest);
    sum += other.sum;
    count += other.count;
  }
};

}  // namespace

std::vector<ColumnSummary> LasWriter::summarize(unsigned threads) const {
  constexpr std::uint64_t part_points = 1 << 16;
  const std::uint64_t points = cloud_.points();
  const Dimensions& dimensions = plan_.dimensions;
  const std::byte* const first = image_.data() + plan_.points;
  const std::size_t parts = (points + part_points - 1) / part_points;
  // By part, so that the means do not depend on the threads.
  std::vector<std::vector<Sum>> sums(parts, std::vector<Sum>(dimensions.written.size()));
  compute::Team team(std::max(1U, threads));
  team.in_turn(parts, [&](std::size_t, std::size_t i) {
    const std::uint64_t end = std::min(points, (i + 1) * part_points);
    for (std::uint64_t p = i * part_points; p < end; ++p) {
      const std::byte* const at = first + p * dimensions.point_bytes;
      for (std::size_t c = 0; c < dimensions.written.size(); ++c) {
        sums[i][c].add(read_number<float>(at + dimensions.written[c].place));
      }
    }
  });
  std::vector<ColumnSummary> all;
  for (std::size_t c = 0; c < dimensions.written.size(); ++c) {
    Sum sum;
    for (const std::vector<Sum>& each : sums) sum.add(each[c]);
    const double none = std::numeric_limits<double>::quiet_NaN();
    const bool some = sum.count != 0;
    all.push_back({dimensions.written[c].name, some ? sum.least : none,
                   some ? sum.sum / static_cast<double>(sum.count) : none, some ? sum.greatest : none,
                   points - sum.count});
  }
  return all;
}

}  // namespace weir::lidar
