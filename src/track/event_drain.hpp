// How an EventReader hands events out: here for those who have it done with a visitor of their own type, as a call for
// each event by way of a std::function costs as much again. Included by the recorder, and by the reader itself.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "track/event_reader.hpp"

namespace weir::track {

// What was written after the drain began is for the next: else a thread whose ring is looked at last could show later
// events than one whose ring was looked at first.
template <class Visitor>
std::uint64_t EventReader::drain_into(const Visitor& visit, const VisitName& visit_name) {
  if (taps_.empty()) return 0;
  const Moment now = moment(taps_.front()->processor_ticks());
  const Moment then = std::exchange(last_, now);
  const double span = static_cast<double>(now.ticks - then.ticks);
  const Scale scale{then, span == 0 ? 1.0 : static_cast<double>(now.nanoseconds - then.nanoseconds) / span};
  // The latest at the bottom of a heap.
  const auto later = [](const Cursor& one, const Cursor& other) { return one.time > other.time; };
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

}  // namespace weir::track
