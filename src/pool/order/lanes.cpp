#include "pool/order/lanes.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <weir/errors.hpp>

#include "core/lazy_memory.hpp"

namespace weir::pool {
namespace {

constexpr std::size_t max_lanes = UINT16_MAX;
// Of one lane; where more are recorded before the first is done, those between tell too little to be kept.
constexpr std::size_t max_points = 16;
constexpr std::size_t table_bytes = (max_lanes + 1) * sizeof(std::atomic<std::uint64_t>);

}  // namespace

Lanes::Lanes(std::shared_ptr<device::Backend> backend)
    : backend_(std::move(backend)),
      epochs_(static_cast<std::atomic<std::uint64_t>*>(core::map_lazy(table_bytes, "the list of streams"))),
      entries_(1) {}

Lanes::~Lanes() { core::unmap_lazy(epochs_, table_bytes); }

Lane Lanes::of(StreamId stream) {
  const std::lock_guard lock(mutex_);
  const auto found = by_stream_.find(stream);
  if (found != by_stream_.end()) {
    Entry& entry = entries_[found->second];
    // The retired lane's last point covers none of what is freed on it from now on.
    if (entry.retired) epochs_[found->second].fetch_add(1, std::memory_order_acq_rel);
    take_back(entry);
    return found->second;
  }
  if (spare_.empty() && entries_.size() > max_lanes) {
    throw Unsupported("a pool follows at most 65535 streams at a time; retire the streams that are done",
                      {.name = "stream", .limit = max_lanes});
  }
  if (spare_.empty()) {
    if (spare_.capacity() <= entries_.size()) spare_.reserve(entries_.size() * 2);  // so that forget() never allocates
    spare_.push_back(static_cast<Lane>(entries_.size()));
    entries_.emplace_back();
  }
  const Lane lane = spare_.back();
  by_stream_.emplace(stream, lane);
  spare_.pop_back();
  entries_[lane] = {};
  entries_[lane].stream = stream;
  entries_[lane].used = true;
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

std::vector<Lane> Lanes::retired_last(std::size_t max) const {
  const std::lock_guard lock(mutex_);
  return {retired_.end() - static_cast<std::ptrdiff_t>(std::min(max, retired_.size())), retired_.end()};
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

// The epoch rises first, so that the event covers what was freed up to the one before.
Lanes::Point Lanes::record(Lane lane, StreamId stream) {
  Point point;
  point.epoch = epochs_[lane].fetch_add(1, std::memory_order_acq_rel);
  try {
    point.event = std::make_shared<const device::Event>(backend_, stream);
  } catch (const InvalidArgument&) {  // NOLINT(bugprone-empty-catch): it was destroyed; its work was finished then
  }
  device::SharedEvent dropped;  // released after the lock
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[lane];
  if (!entry.used || entry.stream != stream) return point;
  if (!point.event) {
    entry.past = std::max(entry.past, point.epoch);
    return point;
  }
  auto& points = entry.points;
  const auto after = std::find_if(points.begin(), points.end(), [&](const Point& p) { return p.epoch > point.epoch; });
  points.insert(after, point);
  if (points.size() > max_points) {
    const auto last_but_one = points.end() - 2;
    dropped = std::move(last_but_one->event);
    points.erase(last_but_one);
  }
  return point;
}

std::uint64_t Lanes::past(Lane lane) {
  for (;;) {
    Point oldest;
    {
      const std::lock_guard lock(mutex_);
      const Entry& entry = entries_[lane];
      if (!entry.used) return epoch(lane);
      // What comes to a retired lane late comes after all of its work.
      if (entry.points.empty()) return entry.retired ? epoch(lane) : entry.past;
      oldest = entry.points.front();
    }
    const bool done = oldest.event->done();
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[lane];
    if (!done) return entry.past;
    if (entry.points.empty() || entry.points.front().event != oldest.event) continue;  // another thread was quicker
    entry.points.pop_front();
    entry.past = std::max(entry.past, oldest.epoch);
  }
}

std::optional<Lanes::Point> Lanes::covering(Lane lane, std::uint64_t epoch_of_free) {
  StreamId stream{};
  {
    const std::lock_guard lock(mutex_);
    const Entry& entry = entries_[lane];
    if (!entry.used) return Point{epoch(lane), nullptr};
    if (entry.past >= epoch_of_free) return Point{entry.past, nullptr};
    for (const Point& point : entry.points) {
      if (point.epoch >= epoch_of_free) return point;
    }
    if (entry.retired) return Point{epoch(lane), entry.points.empty() ? nullptr : entry.points.back().event};
    stream = entry.stream;
  }
  if (backend_->capturing(stream)) return std::nullopt;
  return record(lane, stream);
}

Lanes::Point Lanes::oldest(Lane lane) const {
  const std::lock_guard lock(mutex_);
  const Entry& entry = entries_[lane];
  return entry.points.empty() ? Point{entry.past, nullptr} : entry.points.front();
}

void Lanes::retire(StreamId stream) {
  Lane lane = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_stream_.find(stream);
    if (found == by_stream_.end() || entries_[found->second].retired) return;
    lane = found->second;
  }
  static_cast<void>(record(lane, stream));
  const std::lock_guard lock(mutex_);
  const auto found = by_stream_.find(stream);
  if (found == by_stream_.end()) return;
  Entry& entry = entries_[found->second];
  if (entry.retired) return;
  retired_.push_back(found->second);
  entry.place = retired_.size() - 1;
  entry.retired = true;
}

void Lanes::forget(Lane lane, std::uint64_t epoch_of_clean) noexcept {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[lane];
  if (!entry.used || !entry.retired || !entry.points.empty() || entry.past > epoch_of_clean) return;
  by_stream_.erase(entry.stream);
  take_back(entry);
  entry = {};
  spare_.push_back(lane);
}

}  // namespace weir::pool
