#include "workloads/graph/files/label_cache.hpp"

namespace weir::graph {

LabelCache::LabelCache() {
  entries_.reserve(max_entries);
  first_.fill(none);
}

std::optional<std::uint32_t> LabelCache::find(std::string_view label, std::uint64_t hash) noexcept {
  for (std::uint32_t i = first_[bucket(hash)]; i != none; i = entries_[i].next) {
    if (entries_[i].hash != hash || entries_[i].label != label) continue;
    ++hits_;
    if (i != newest_) {
      unlink(i);
      make_newest(i);
    }
    return entries_[i].node;
  }
  ++misses_;
  return std::nullopt;
}

void LabelCache::insert(std::string_view label, std::uint64_t hash, std::uint32_t node) {
  std::uint32_t i = oldest_;
  if (entries_.size() < max_entries) {
    i = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    unlink(i);
    leave_bucket(i);
  }
  Entry& entry = entries_[i];
  entry.label.assign(label);
  entry.hash = hash;
  entry.node = node;
  entry.next = first_[bucket(hash)];
  first_[bucket(hash)] = i;
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
