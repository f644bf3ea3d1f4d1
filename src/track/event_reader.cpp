#include "track/event_reader.hpp"

#include <utility>

#include "track/event_drain.hpp"

namespace weir::track {

// Of some tries the one in which least time passed between the two clocks.
EventReader::Moment EventReader::moment(bool processor_ticks) noexcept {
  constexpr int tries = 5;
  Moment best;
  std::uint64_t least = UINT64_MAX;
  for (int i = 0; i < tries; ++i) {
    const std::uint64_t before = ordered_ticks(processor_ticks);
    const std::uint64_t between = steady_nanoseconds();
    const std::uint64_t after = ordered_ticks(processor_ticks);
    if (after - before >= least) continue;
    least = after - before;
    best = {before + least / 2, between};
  }
  return best;
}

EventReader::EventReader(std::vector<std::shared_ptr<EventTap>> taps, std::uint32_t capacity,
                         const std::shared_ptr<Wakeup>& wakeup)
    : taps_(std::move(taps)), last_(moment(has_processor_ticks())) {
  std::size_t opened = 0;
  try {
    for (; opened < taps_.size(); ++opened) taps_[opened]->open(capacity, wakeup);
  } catch (...) {
    while (opened-- > 0) taps_[opened]->close();
    throw;
  }
}

EventReader::~EventReader() {
  for (const auto& tap : taps_) tap->close();
}

std::uint64_t EventReader::drain(const Visit& visit) { return drain_into(visit, VisitName()); }
std::uint64_t EventReader::drain(const Visit& visit, const VisitName& visit_name) {
  return drain_into(visit, visit_name);
}

void EventReader::take_namings() {
  namings_.erase(namings_.begin(), namings_.begin() + static_cast<std::ptrdiff_t>(next_naming_));
  next_naming_ = 0;
  for (const auto& tap : taps_) {
    for (EventTap::Naming& each : tap->take_namings()) namings_.push_back(std::move(each));
  }
}

void EventReader::tell_names(std::uint64_t until, const Scale& scale, const VisitName& visit) {
  while (next_naming_ < namings_.size() && namings_[next_naming_].time <= until) {
    const EventTap::Naming& each = namings_[next_naming_++];
    visit(each.number, each.name, scale.nanoseconds(each.time));
  }
}

std::uint64_t EventReader::dropped() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& tap : taps_) sum += tap->dropped();
  return sum;
}

}  // namespace weir::track
