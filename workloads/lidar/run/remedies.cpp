#include "workloads/lidar/run/remedies.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <utility>

namespace weir::lidar {
namespace {

// What is shorter is a matter of threads that wake up, and of no weight for a run.
constexpr std::chrono::microseconds unnoticed{200};
constexpr std::size_t kept_recent = 10;  // as many as Pace needs to see that a steady device is slow

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

std::string_view name(Remedy remedy) noexcept {
  switch (remedy) {
    case Remedy::smaller_chunks: return "smaller chunks";
    case Remedy::fewer_streams: return "fewer streams";
    case Remedy::next_device: return "the next device";
  }
  return "unknown";
}

std::string Remedies::note(const Chunk& chunk) {
  if (chunk.points == 0) return {};
  const auto stage = static_cast<std::size_t>(chunk.stage);
  StreamId stream{};
  {
    const std::lock_guard lock(mutex_);
    stream = streams_[stage];
  }
  const std::optional<PaceChange> change = pace_.note(stream, chunk.work, chunk.duration + unnoticed);
  const std::lock_guard lock(mutex_);
  std::deque<double>& recent = recent_[stage];
  recent.push_back(std::chrono::duration<double>(chunk.duration).count() / static_cast<double>(chunk.points));
  if (recent.size() > kept_recent) recent.pop_front();
  if (trying_ && chunk.stage == watched_ && chunk.number >= from_) measured_.push_back(recent.back());
  std::string told;
  if (change) {
    report_.changes.push_back(*change);
    told = change->text();
  }
  if (trying_ && measured_.size() >= trial) {
    if (change) told += "; ";
    return told + judge();
  }
  if (change && change->slower && !trying_ && !order_ && !taken_) {
    watched_ = chunk.stage;
    before_ = median({recent.begin(), recent.end()});
    usual_ = before_ / change->factor;
    try_next();
    told += order_ ? "; next: " + std::string(name(order_->remedy)) : "; all that could be done was tried";
  }
  return told;
}

void Remedies::try_next() {
  if (next_ == remedy_count) return;
  order_ = Order{.remedy = static_cast<Remedy>(next_++)};
}

/// The attempt has been seen: it is kept or undone, and the next one follows where the device is slow still.
std::string Remedies::judge() {
  Attempt& attempt = report_.attempts.back();
  trying_ = false;
  const double after = median(std::exchange(measured_, {}));
  attempt.after = after;
  attempt.kept = after < helped * before_;
  char times[48];
  std::snprintf(times, sizeof times, "%.2g times as long a point", after / before_);
  std::string told = std::string(name(attempt.remedy)) + ": " + times + (attempt.kept ? ", kept" : ", undone");
  if (!attempt.kept) {
    order_ = Order{.remedy = attempt.remedy, .undo = true};
    return told;
  }
  before_ = after;
  if (after > std::sqrt(factor) * usual_) try_next();
  if (order_) told += "; next: " + std::string(name(order_->remedy));
  return told;
}

std::optional<Remedies::Order> Remedies::due() {
  const std::lock_guard lock(mutex_);
  taken_ = std::exchange(order_, std::nullopt);
  return taken_;
}

void Remedies::done(bool possible, std::size_t chunk) {
  const std::lock_guard lock(mutex_);
  const Order order = std::exchange(taken_, std::nullopt).value_or(Order{});
  if (order.undo) return try_next();
  report_.attempts.push_back({.remedy = order.remedy, .chunk = chunk, .before = before_, .possible = possible});
  if (!possible) return try_next();
  trying_ = true;
  from_ = chunk;
  measured_.clear();
}

void Remedies::begin_device(StreamId kernels, StreamId uploads) {
  const std::lock_guard lock(mutex_);
  streams_ = {kernels, uploads};
}

PaceReport Remedies::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

}  // namespace weir::lidar
