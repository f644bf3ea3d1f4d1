#include "workloads/lidar/run/smaller_chunks.hpp"

namespace weir::lidar {

bool SmallerChunks::take(std::size_t next) {
  chunks_ = partition_.chunks();
  regions_ = halos_.regions;
  if (!partition_.halve(next)) return false;
  halos_.regions.resize(next);
  add_halos(cloud_, partition_, compute_, halos_);
  return true;
}

void SmallerChunks::undo(std::size_t next) {
  const std::size_t halves = partition_.join(next, chunks_);
  halos_.regions.resize(next + halves);
  const std::size_t rest = partition_.chunks().size() - halos_.regions.size();
  halos_.regions.insert(halos_.regions.end(), regions_.end() - static_cast<std::ptrdiff_t>(rest), regions_.end());
}

}  // namespace weir::lidar
