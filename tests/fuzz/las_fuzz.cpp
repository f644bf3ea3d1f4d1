// The LAS reader over any bytes: it throws one of weir's errors, or every point and record it speaks of is there, and
// the cloud can be made with all coordinates from 0 on, and none past what sums are exact of.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <weir/errors.hpp>

#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/files/crs.hpp"

namespace {

void read_all(std::span<const std::byte> bytes) {
  using namespace weir::lidar;
  std::vector<LasFile> files;
  files.emplace_back("fuzz", bytes);
  std::uint64_t sum = 0;
  for (const auto* list : {&files.front().records(), &files.front().extended_records()}) {
    for (const LasRecord& record : *list) {
      for (const std::byte each : record.data) sum += static_cast<std::uint64_t>(each);
    }
  }
  sum += coordinate_system(files.front()).name.size();
  const Cloud cloud(std::move(files));
  for (std::uint32_t id = 0; id < cloud.points(); ++id) {
    const Point point = cloud.point(cloud.file_of(id), id);
    std::uint16_t colours[4];
    cloud.colours(id, colours);
    if (point.x < 0 || point.y < 0 || point.z < 0 || point.x > cloud.extent()[0]) __builtin_trap();
    const WidePoint exact = cloud.exact(id);
    for (const std::int64_t at : {exact.x, exact.y, exact.z}) {
      if (at < 0 || at > Cloud::max_across) __builtin_trap();
    }
    std::vector<std::byte> joint(cloud.layout().bytes);
    for (const FieldCopy& each : cloud.layout().copies.front()) {
      std::memcpy(joint.data() + each.to, cloud.files().front().point(id) + each.from, each.bytes);
    }
    sum += cloud.classification(id) + colours[0] + colours[3];
  }
  [[maybe_unused]] static volatile std::uint64_t kept;
  kept = sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    read_all({reinterpret_cast<const std::byte*>(data), size});
  } catch (const weir::Error&) {
    return 0;
  }
  return 0;
}
