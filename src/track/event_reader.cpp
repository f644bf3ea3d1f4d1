#include "track/event_reader.hpp"

#include <algorithm>
#include <utility>

namespace weir::track {

namespace {

/// What is to be read of one ring.
struct Cursor {
  EventRing* ring;
  const EventTap* tap;
  std::uint64_t next;
  std::uint64_t end;
  std::uint64_t time;  // of the next
};

// The latest at the bottom of a heap.
bool later(const Cursor& one, const Cursor& other) noexcept { return one.time > other.time; }

}  // namespace

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

std::uint64_t EventReader::drain(const Visit& visit) { return drain(visit, {}); }

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

// What was written after the drain began is for the next: else a thread whose ring is looked at last could show later
// events than one whose ring was looked at first.
std::uint64_t EventReader::drain(const Visit& visit, const VisitName& visit_name) {
  if (taps_.empty()) return 0;
  const Moment now = moment(taps_.front()->processor_ticks());
  const Moment then = std::exchange(last_, now);
  const double span = static_cast<double>(now.ticks - then.ticks);
  const Scale scale{then, span == 0 ? 1.0 : static_cast<double>(now.nanoseconds - then.nanoseconds) / span};
  std::vector<Cursor> heap;
  std::vector<EventRing*> rings;
  for (const auto& tap : taps_) {
    rings.clear();
    tap->list(rings);
    for (EventRing* ring : rings) heap.push_back({ring, tap.get(), ring->read(), ring->written(), 0});
  }
  const auto ready = [&](Cursor& cursor) {
    if (cursor.next == cursor.end) return false;
    cursor.time = cursor.ring->at(cursor.next).time;
    return cursor.time <= now.ticks;
  };
  // After the rings were looked at, so that no event has a tag that is not named yet.
  if (visit_name) take_namings();
  std::erase_if(heap, [&](Cursor& cursor) { return !ready(cursor); });
  std::make_heap(heap.begin(), heap.end(), later);
  std::uint64_t count = 0;
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    Cursor& cursor = heap.back();
    const std::uint64_t until = heap.size() == 1 ? now.ticks : heap.front().time;
    bool more = true;
    do {  // for as long as no other ring has an earlier one
      Event event = cursor.ring->at(cursor.next);
      cursor.ring->advance(++cursor.next);
      if (event.time < newest_) {
        ++late_;
      } else {
        newest_ = event.time;
      }
      if (next_naming_ != namings_.size()) tell_names(event.time, scale, visit_name);
      event.time = scale.nanoseconds(event.time);
      visit(event, *cursor.tap);
      ++count;
      more = ready(cursor);
    } while (more && cursor.time <= until);
    if (more) {
      std::push_heap(heap.begin(), heap.end(), later);
    } else {
      heap.pop_back();
    }
  }
  if (visit_name) tell_names(now.ticks, scale, visit_name);
  return count;
}

std::uint64_t EventReader::dropped() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& tap : taps_) sum += tap->dropped();
  return sum;
}

}  // namespace weir::track
