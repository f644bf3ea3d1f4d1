#include "clouds.hpp"

#include <algorithm>
#include <bit>
#include <random>

namespace weir::lidar::test {

std::string data_file(const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(WEIR_SHARED_DATA) / "las" / name;
  return std::filesystem::exists(path) ? path.string() : std::string();
}

Kept::Kept(const FeatureSet& features, std::uint32_t points)
    : set_(features), columns_(features.size(), std::vector<float>(points)), taken_(points) {}

void Kept::take(const FeatureRows& rows) {
  for (std::size_t i = 0; i < rows.ids.size(); ++i) {
    ++taken_.at(rows.ids[i]);
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (rows.columns[c] != nullptr) columns_[c][rows.ids[i]] = rows.columns[c][i];
    }
  }
}

std::string difference(const Kept& one, const Kept& other) {
  for (std::size_t c = 0; c < one.columns().size(); ++c) {
    for (std::size_t i = 0; i < one.columns()[c].size(); ++i) {
      const float a = one.columns()[c][i], b = other.columns()[c][i];
      if (std::bit_cast<std::uint32_t>(a) != std::bit_cast<std::uint32_t>(b)) {
        return "column " + std::to_string(c) + ", point " + std::to_string(i) + ": " + std::to_string(a) + " and " +
               std::to_string(b);
      }
    }
  }
  return {};
}

std::vector<std::byte> las_bytes(const std::vector<MadePoint>& points) {
  constexpr std::size_t header = 227, record = 20;
  std::vector<std::byte> bytes(header + record * points.size());
  std::byte* const to = bytes.data();
  std::memcpy(to, "LASF", 4);
  write_number<std::uint8_t>(to + 24, 1);
  write_number<std::uint8_t>(to + 25, 2);
  write_number<std::uint16_t>(to + 94, header);
  write_number<std::uint32_t>(to + 96, header);
  write_number<std::uint16_t>(to + 105, record);
  write_number(to + 107, static_cast<std::uint32_t>(points.size()));
  for (std::size_t axis = 0; axis < 3; ++axis) write_number(to + 131 + 8 * axis, 0.01);
  for (std::size_t i = 0; i < points.size(); ++i) {
    std::byte* const at = to + header + record * i;
    write_number(at, points[i].x);
    write_number(at + 4, points[i].y);
    write_number(at + 8, points[i].z);
    write_number<std::uint8_t>(at + 14, 1 | 1 << 3);
    write_number(at + 15, points[i].classification);
  }
  return bytes;
}

std::vector<MadePoint> mixed_points(std::size_t count) {
  std::mt19937 random(7);
  std::vector<MadePoint> points;
  std::normal_distribution<double> dense(0, 300), sparse(0, 6000);
  for (std::size_t i = 0; i < count; ++i) {
    auto& around = i % 3 == 0 ? sparse : dense;
    const auto x = static_cast<std::int32_t>(around(random)), y = static_cast<std::int32_t>(around(random));
    const auto z = static_cast<std::int32_t>(random() % 40) + (x > 0 ? 500 : 0);
    points.push_back({x + (y > 2000 ? 20000 : 0), y, z, static_cast<std::uint8_t>(i % 5 == 0 ? 2 : 1)});
    if (i % 50 == 0) points.push_back(points.back());
  }
  points.push_back({900'000, -400'000, 70'000, 1});
  return points;
}

std::vector<LasFile> Memory::files(const std::vector<std::byte>& bytes) {
  std::vector<LasFile> all;
  all.emplace_back("memory", std::span<const std::byte>(bytes));
  return all;
}

std::unique_ptr<Ran> run_kept(const Cloud& cloud, const RunSettings& settings, const MemorySettings& memory) {
  auto ran = std::make_unique<Ran>(settings.features, cloud.points());
  ran->report = run_within(cloud, settings, memory, ran->rows);
  return ran;
}

}  // namespace weir::lidar::test
