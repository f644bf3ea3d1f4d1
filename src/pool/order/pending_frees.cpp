#include "pool/order/pending_frees.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace weir::pool {

void PendingFrees::note_use(std::uint32_t id, StreamId stream) {
  const std::lock_guard lock(mutex_);
  users_[id].push_back({stream, nullptr});
}

void PendingFrees::note_end(std::uint32_t id, StreamId stream, device::SharedEvent until) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = users_.find(id);
  if (found == users_.end()) return;
  const auto use = std::find_if(found->second.rbegin(), found->second.rend(),
                                [&](const Use& each) { return each.stream == stream; });
  if (use != found->second.rend()) use->until.swap(until);
}

std::vector<StreamId> PendingFrees::users(std::uint32_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = users_.find(id);
  std::vector<StreamId> streams;
  if (found == users_.end()) return streams;
  for (const Use& use : found->second) streams.push_back(use.stream);
  return streams;
}

std::vector<PendingFrees::Use> PendingFrees::take_users(std::uint32_t id) {
  const std::lock_guard lock(mutex_);
  const auto node = users_.extract(id);
  return node.empty() ? std::vector<Use>() : std::move(node.mapped());
}

void PendingFrees::add(PendingFree free) {
  granules_ += free.granules;
  const std::lock_guard lock(mutex_);
  entries_.emplace_hint(entries_.end(), ++last_number_, std::move(free));
}

std::optional<PendingFrees::Entry> PendingFrees::after(std::uint64_t number) const {
  if (empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto next = entries_.upper_bound(number);
  if (next == entries_.end()) return std::nullopt;
  return Entry{next->first, next->second};
}

void PendingFrees::put_back(Entry entry) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(entry.number);
  if (found != entries_.end()) std::swap(found->second.fence, entry.free.fence);
}

bool PendingFrees::drop(std::uint64_t number) {
  PendingFree gone;  // its events are released after the lock
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(number);
    if (found == entries_.end()) return false;
    gone = std::move(found->second);
    entries_.erase(found);
  }
  granules_ -= gone.granules;
  return true;
}

bool PendingFrees::comes_to_rest(const std::shared_ptr<device::Backend>& backend,
                                 const core::Deadline& deadline) noexcept {
  device::Fence all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, free] : entries_) all.add(free.fence);
  }
  std::set<StreamId> streams;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, users] : users_) {
      for (const Use& use : users) streams.insert(use.stream);
    }
  }
  for (const StreamId stream : streams) all.add(backend, stream);
  // A failure may have passed at a second try.
  for (int tries = 0; tries < 2; ++tries) {
    try {
      return all.await(deadline);
    } catch (...) {  // NOLINT(bugprone-empty-catch): tried again, or told by the result
    }
  }
  return false;
}

void PendingFrees::collect(std::vector<device::SharedEvent>& unfinished) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, free] : entries_) free.fence.collect(unfinished);
}

}  // namespace weir::pool
