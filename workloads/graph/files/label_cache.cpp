#include "workloads/graph/files/label_cache.hpp"

namespace weir::graph {

void LabelCache::insert(std::uint64_t hash, std::uint32_t node) noexcept {
  std::uint32_t i = oldest_;
  if (count_ < max_entries) {
    i = count_++;
  } else {
    unlink(i);
    leave_bucket(i);
  }
  Entry& entry = entries_[i];
  entry.hash = hash;
  entry.node = node;
  entry.next = std::exchange(first_[bucket(hash)], i);
  make_newest(i);
}

void LabelCache::unlink(std::uint32_t entry) noexcept {
  const auto [newer, older] = std::pair(entries_[entry].newer, entries_[entry].older);
  (newer == none ? newest_ : entries_[newer].older) = older;
  (older == none ? oldest_ : entries_[older].newer) = newer;
}

void LabelCache::make_newest(std::uint32_t entry) noexcept {
  entries_[entry].newer = none;
  entries_[entry].older = newest_;
  (newest_ == none ? oldest_ : entries_[newest_].newer) = entry;
  newest_ = entry;
}

void LabelCache::leave_bucket(std::uint32_t entry) noexcept {
  std::uint32_t* link = &first_[bucket(entries_[entry].hash)];
  while (*link != entry) link = &entries_[*link].next;
  *link = entries_[entry].next;
}

}  // namespace weir::graph
