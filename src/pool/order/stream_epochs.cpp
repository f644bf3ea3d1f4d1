#include "pool/order/stream_epochs.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <weir/errors.hpp>

#include "core/lazy_memory.hpp"

namespace weir::pool {
namespace {

constexpr std::size_t max_streams = UINT16_MAX;
// Of one stream; where more are recorded before the first is done, those between tell too little to be kept.
constexpr std::size_t max_checkpoints = 16;
constexpr std::size_t epochs_bytes = (max_streams + 1) * sizeof(std::atomic<std::uint64_t>);

}  // namespace

StreamEpochs::StreamEpochs(std::shared_ptr<device::Backend> backend)
    : backend_(std::move(backend)),
      epochs_(static_cast<std::atomic<std::uint64_t>*>(core::map_lazy(epochs_bytes, "the list of streams"))),
      entries_(1) {}

StreamEpochs::~StreamEpochs() { core::unmap_lazy(epochs_, epochs_bytes); }

StreamIndex StreamEpochs::index_of(StreamId stream) {
  const std::lock_guard lock(mutex_);
  const auto found = by_stream_.find(stream);
  if (found != by_stream_.end()) {
    Entry& entry = entries_[found->second];
    // The retired stream's last checkpoint covers none of what is freed on it from now on.
    if (entry.retired) epochs_[found->second].fetch_add(1, std::memory_order_acq_rel);
    take_back(entry);
    return found->second;
  }
  if (spare_.empty() && entries_.size() > max_streams) {
    throw Unsupported("a pool follows at most 65535 streams at a time; retire the streams that are done",
                      {.name = "stream", .limit = max_streams});
  }
  if (spare_.empty()) {
    if (spare_.capacity() <= entries_.size()) spare_.reserve(entries_.size() * 2);  // so that forget() never allocates
    spare_.push_back(static_cast<StreamIndex>(entries_.size()));
    entries_.emplace_back();
  }
  const StreamIndex index = spare_.back();
  by_stream_.emplace(stream, index);
  spare_.pop_back();
  entries_[index] = {};
  entries_[index].stream = stream;
  entries_[index].used = true;
  epochs_[index].fetch_add(1, std::memory_order_acq_rel);
  return index;
}

StreamId StreamEpochs::stream(StreamIndex index) const {
  const std::lock_guard lock(mutex_);
  return entries_[index].stream;
}

bool StreamEpochs::retired(StreamIndex index) const {
  const std::lock_guard lock(mutex_);
  return entries_[index].retired;
}

std::vector<StreamIndex> StreamEpochs::retired_last(std::size_t max) const {
  const std::lock_guard lock(mutex_);
  return {retired_.end() - static_cast<std::ptrdiff_t>(std::min(max, retired_.size())), retired_.end()};
}

// No longer retired.
void StreamEpochs::take_back(Entry& entry) noexcept {
  if (!std::exchange(entry.retired, false)) return;
  retired_[entry.place] = retired_.back();
  entries_[retired_.back()].place = entry.place;
  retired_.pop_back();
}

std::vector<StreamIndex> StreamEpochs::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<StreamIndex> indices(entries_.size() - 1);
  std::iota(indices.begin(), indices.end(), StreamIndex{1});
  return indices;
}

// The epoch rises first, so that the event covers what was freed up to the one before.
StreamEpochs::Checkpoint StreamEpochs::record(StreamIndex index, StreamId stream) {
  Checkpoint made;
  made.epoch = epochs_[index].fetch_add(1, std::memory_order_acq_rel);
  try {
    made.event = std::make_shared<const device::Event>(backend_, stream);
  } catch (const InvalidArgument&) {  // NOLINT(bugprone-empty-catch): it was destroyed; its work was finished then
  }
  device::SharedEvent dropped;  // released after the lock
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[index];
  if (!entry.used || entry.stream != stream) return made;
  if (!made.event) {
    entry.done_epoch = std::max(entry.done_epoch, made.epoch);
    return made;
  }
  auto& checkpoints = entry.checkpoints;
  const auto after = std::find_if(checkpoints.begin(), checkpoints.end(),
                                  [&](const Checkpoint& each) { return each.epoch > made.epoch; });
  checkpoints.insert(after, made);
  if (checkpoints.size() > max_checkpoints) {
    const auto last_but_one = checkpoints.end() - 2;
    dropped = std::move(last_but_one->event);
    checkpoints.erase(last_but_one);
  }
  return made;
}

std::uint64_t StreamEpochs::done_epoch(StreamIndex index) {
  for (;;) {
    Checkpoint oldest;
    {
      const std::lock_guard lock(mutex_);
      const Entry& entry = entries_[index];
      if (!entry.used) return epoch(index);
      // What comes to a retired stream late comes after all of its work.
      if (entry.checkpoints.empty()) return entry.retired ? epoch(index) : entry.done_epoch;
      oldest = entry.checkpoints.front();
    }
    const bool done = oldest.event->done();
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[index];
    if (!done) return entry.done_epoch;
    // Another thread was quicker.
    if (entry.checkpoints.empty() || entry.checkpoints.front().event != oldest.event) continue;
    entry.checkpoints.pop_front();
    entry.done_epoch = std::max(entry.done_epoch, oldest.epoch);
  }
}

std::optional<StreamEpochs::Checkpoint> StreamEpochs::covering(StreamIndex index, std::uint64_t epoch_of_free) {
  StreamId stream{};
  {
    const std::lock_guard lock(mutex_);
    const Entry& entry = entries_[index];
    if (!entry.used) return Checkpoint{epoch(index), nullptr};
    if (entry.done_epoch >= epoch_of_free) return Checkpoint{entry.done_epoch, nullptr};
    for (const Checkpoint& each : entry.checkpoints) {
      if (each.epoch >= epoch_of_free) return each;
    }
    if (entry.retired) {
      return Checkpoint{epoch(index), entry.checkpoints.empty() ? nullptr : entry.checkpoints.back().event};
    }
    stream = entry.stream;
  }
  if (backend_->capturing(stream)) return std::nullopt;
  return record(index, stream);
}

StreamEpochs::Checkpoint StreamEpochs::oldest(StreamIndex index) const {
  const std::lock_guard lock(mutex_);
  const Entry& entry = entries_[index];
  return entry.checkpoints.empty() ? Checkpoint{entry.done_epoch, nullptr} : entry.checkpoints.front();
}

void StreamEpochs::retire(StreamId stream) {
  StreamIndex index = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_stream_.find(stream);
    if (found == by_stream_.end() || entries_[found->second].retired) return;
    index = found->second;
  }
  static_cast<void>(record(index, stream));
  const std::lock_guard lock(mutex_);
  const auto found = by_stream_.find(stream);
  if (found == by_stream_.end()) return;
  Entry& entry = entries_[found->second];
  if (entry.retired) return;
  retired_.push_back(found->second);
  entry.place = retired_.size() - 1;
  entry.retired = true;
}

void StreamEpochs::forget(StreamIndex index, std::uint64_t epoch_of_clean) noexcept {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[index];
  if (!entry.used || !entry.retired || !entry.checkpoints.empty() || entry.done_epoch > epoch_of_clean) return;
  by_stream_.erase(entry.stream);
  take_back(entry);
  entry = {};
  spare_.push_back(index);
}

}  // namespace weir::pool
