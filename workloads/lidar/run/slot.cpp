#include "workloads/lidar/run/slot.hpp"

namespace weir::lidar {

std::size_t stage_colours(Slot& slot, const Cloud& cloud) {
  auto* const colours = reinterpret_cast<std::uint16_t*>(slot.staging.data() + slot.input.offset("colours"));
  const std::size_t count = slot.job.count();
  for (std::size_t i = 0; i < count; ++i) cloud.colours(slot.job.id(i), colours + 4 * i);
  return count * 4 * sizeof(std::uint16_t);
}

std::size_t stage_classes(Slot& slot, const Cloud& cloud) {
  auto* const classes = reinterpret_cast<std::uint8_t*>(slot.staging.data() + slot.input.offset("classes"));
  const std::size_t count = slot.job.count();
  for (std::size_t i = 0; i < count; ++i) classes[i] = cloud.classification(slot.job.id(i));
  return count;
}

}  // namespace weir::lidar
