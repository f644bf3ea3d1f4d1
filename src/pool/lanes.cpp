#include "pool/lanes.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <weir/errors.hpp>

#include "core/lazy_memory.hpp"

namespace weir::pool {
namespace {

constexpr std::size_t most_lanes = UINT16_MAX;
constexpr std::size_t table_bytes = (most_lanes + 1) * sizeof(std::atomic<std::uint64_t>);

}  // namespace

Lanes::Lanes(device::Backend& backend)
    : backend_(backend), epochs_(static_cast<std::atomic<std::uint64_t>*>(core::map_lazy(table_bytes))), entries_(1) {}

Lanes::~Lanes() { core::unmap_lazy(epochs_, table_bytes); }

Lane Lanes::of(StreamId stream) {
  const std::lock_guard lock(mutex_);
  const auto found = by_stream_.find(stream);
  if (found != by_stream_.end()) {
    Entry& entry = entries_[found->second];
    // A point taken of the retired lane covers none of what is freed on it from now on.
    if (entry.retired) epochs_[found->second].fetch_add(1, std::memory_order_acq_rel);
    take_back(entry);
    return found->second;
  }
  if (spare_.empty() && entries_.size() > most_lanes) {
    throw Unsupported("a pool follows at most 65535 streams at a time; retire() those that are done",
                      {.name = "stream", .limit = most_lanes});
  }
  if (spare_.empty()) {
    if (spare_.capacity() <= entries_.size()) spare_.reserve(entries_.size() * 2);  // so that forget() never allocates
    spare_.push_back(static_cast<Lane>(entries_.size()));
    entries_.emplace_back();
  }
  const Lane lane = spare_.back();
  by_stream_.emplace(stream, lane);
  spare_.pop_back();
  entries_[lane] = {stream, true, false, nullptr, 0};
  epochs_[lane].fetch_add(1, std::memory_order_acq_rel);
  return lane;
}

StreamId Lanes::stream(Lane lane) const {
  const std::lock_guard lock(mutex_);
  return entries_[lane].stream;
}

bool Lanes::retired(Lane lane) const {
  const std::lock_guard lock(mutex_);
  return entries_[lane].retired;
}

std::vector<Lane> Lanes::retired_last(std::size_t most) const {
  const std::lock_guard lock(mutex_);
  return {retired_.end() - static_cast<std::ptrdiff_t>(std::min(most, retired_.size())), retired_.end()};
}

// No longer retired.
void Lanes::take_back(Entry& entry) noexcept {
  if (!std::exchange(entry.retired, false)) return;
  retired_[entry.place] = retired_.back();
  entries_[retired_.back()].place = entry.place;
  retired_.pop_back();
}

std::vector<Lane> Lanes::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Lane> lanes(entries_.size() - 1);
  std::iota(lanes.begin(), lanes.end(), Lane{1});
  return lanes;
}

Lanes::Mark Lanes::mark(StreamId stream) {
  auto event = std::make_unique<device::EventId>(device::EventId::none);
  try {
    *event = backend_.record(stream);
  } catch (const InvalidArgument&) {
    return nullptr;  // the stream was destroyed; its work was finished then
  }
  return Mark(event.release(), [&backend = backend_](const device::EventId* done) {
    backend.release(*done);
    delete done;
  });
}

std::optional<Lanes::Point> Lanes::record(Lane lane) {
  StreamId stream{};
  {
    const std::lock_guard lock(mutex_);
    const Entry& entry = entries_[lane];
    if (!entry.used) return Point{epoch(lane), nullptr};
    if (entry.retired) return Point{epoch(lane), entry.last};
    stream = entry.stream;
  }
  if (backend_.capturing(stream)) return std::nullopt;
  Point point;
  point.epoch = epochs_[lane].fetch_add(1, std::memory_order_acq_rel);
  point.mark = mark(stream);
  return point;
}

void Lanes::retire(StreamId stream) {
  {
    const std::lock_guard lock(mutex_);
    if (!by_stream_.contains(stream)) return;
  }
  Mark last = mark(stream);
  const std::lock_guard lock(mutex_);
  const auto found = by_stream_.find(stream);
  if (found == by_stream_.end()) return;
  Entry& entry = entries_[found->second];
  if (!entry.retired) {
    retired_.push_back(found->second);
    entry.place = retired_.size() - 1;
    entry.retired = true;
  }
  std::swap(entry.last, last);  // a former one is released after the lock
}

void Lanes::forget(Lane lane, const Point& point) noexcept {
  Mark last;
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[lane];
  if (!entry.used || !entry.retired || entry.last != point.mark) return;
  last = std::move(entry.last);
  by_stream_.erase(entry.stream);
  take_back(entry);
  entry = {};
  spare_.push_back(lane);
  // `last` was declared before the lock, so its event is released after it.
}

}  // namespace weir::pool
