#include "pool/order/stream_order.hpp"

#include <string>
#include <utility>

#include <weir/errors.hpp>

#include "pool/space/space.hpp"

namespace weir::pool {

StreamOrder::StreamOrder(std::shared_ptr<device::Backend> backend, const Journal& journal)
    : backend_(std::move(backend)), journal_(journal), lanes_(backend_) {}

device::Fence StreamOrder::fence_of(std::uint32_t id) {
  device::Fence fence;
  for (PendingFrees::Use& use : pending_.take_users(id)) {
    if (use.until) {
      fence.add(std::move(use.until));
      continue;
    }
    const StreamId stream = use.stream;
    std::string why;
    if (!fence.add(backend_, stream, &why) && !why.empty()) {
      journal_.note(LogLevel::warning, LogEvent::fallback, why, 0, 0, stream);
    }
  }
  return fence;
}

// Everything that the lane's points show to be past becomes clean; a retired lane's number is then used again.
bool StreamOrder::take_past(Space& space, Lane lane) {
  try {
    const std::uint64_t past = lanes_.past(lane);
    if (past == 0) return false;
    space.reassign(lane, past, clean_lane);
    lanes_.forget(lane, past);
    return true;
  } catch (const Error& error) {
    journal_.note_fallback(error, lanes_.stream(lane));
    return false;
  }
}

bool StreamOrder::look(Space& space, bool only_pages) {
  bool any = false;
  for (const auto& [lane, latest] : space.lanes_in_use(only_pages)) any = take_past(space, lane) || any;
  for (const Lane lane : lanes_.retired_last(SIZE_MAX)) any = take_past(space, lane) || any;
  return any;
}

void StreamOrder::prepare_pages(Space& space) { static_cast<void>(points_of_pages(space)); }

device::Fence StreamOrder::points_of_pages(Space& space) {
  device::Fence fence;
  for (const auto& [lane, latest] : space.lanes_in_use(true)) {
    try {
      if (const auto point = lanes_.covering(lane, latest)) fence.add(point->event);
    } catch (const Error& error) {
      journal_.note_fallback(error, lanes_.stream(lane));
    }
  }
  return fence;
}

void StreamOrder::await_pages(Space& space, std::chrono::nanoseconds deadline) {
  device::Fence fence = points_of_pages(space);
  try {
    static_cast<void>(await(fence, core::Deadline(deadline, backend_->clock())));
  } catch (const Error& error) {
    journal_.note_fallback(error);
  }
  look(space, true);
}

bool StreamOrder::take_over(Space& space, Lane target) {
  bool any = false;
  for (const auto& [lane, latest] : space.lanes_in_use(false)) {
    if (lane == target) continue;
    any = take_past(space, lane) || any;
    if (target == clean_lane) continue;
    try {
      const StreamId taker = lanes_.stream(target);
      if (backend_->capturing(taker)) continue;
      const auto point = lanes_.covering(lane, latest);
      if (!point) continue;
      if (point->event) point->event->hold_back(taker);
      space.reassign(lane, point->epoch, point->event ? target : clean_lane);
      any = true;
    } catch (const Error& error) {
      journal_.note_fallback(error, lanes_.stream(lane));
    }
  }
  return any;
}

bool StreamOrder::clean(Space& space, Lane lane, const core::Deadline& deadline) {
  try {
    const auto point = lanes_.covering(lane, lanes_.epoch(lane));
    if (!point) return false;
    device::Fence fence;
    fence.add(point->event);
    if (!await(fence, deadline)) return false;
    return take_past(space, lane);
  } catch (const Error& error) {
    journal_.note_fallback(error, lanes_.stream(lane));
    return false;
  }
}

bool StreamOrder::await(device::Fence& fence, const core::Deadline& deadline) {
  if (deadline.passed() || fence.empty()) return fence.past();
  const auto began = track::Latency::Clock::now();
  const bool done = fence.await(deadline);
  waits_.record_since(began);
  return done;
}

bool StreamOrder::await_any(Space& space, const core::Deadline& deadline) {
  std::vector<device::SharedEvent> unfinished;
  try {
    pending_.collect(unfinished);
    for (const auto& [lane, latest] : space.lanes_in_use(false)) {
      const auto newest = lanes_.covering(lane, latest);
      if (!newest) continue;
      const Lanes::Point oldest = lanes_.oldest(lane);
      if (oldest.event) unfinished.push_back(oldest.event);
    }
    if (unfinished.empty()) return false;
    const auto began = track::Latency::Clock::now();
    const bool done = device::await_any(*backend_, unfinished, deadline);
    waits_.record_since(began);
    // What is past now is not waited for again: else a caller that tries until nothing more can come would never end.
    if (done) look(space, false);
    return done;
  } catch (const Error& error) {
    journal_.note_fallback(error);
    return false;
  }
}

// A failure may have passed at a second try; on a lost device nothing runs any more.
bool StreamOrder::comes_to_rest(Lane lane, const core::Deadline& deadline) noexcept {
  for (int tries = 0; tries < 2; ++tries) {
    try {
      const auto point = lanes_.covering(lane, lanes_.epoch(lane));
      return !point || !point->event || point->event->wait(deadline);
    } catch (const DeviceLost&) {
      return true;
    } catch (const Error& error) {
      journal_.note_fallback(error, lanes_.stream(lane));
    }
  }
  return false;
}

void StreamOrder::look_at_retired(Space& space) {
  constexpr std::size_t few_lanes = 8;
  for (const Lane lane : lanes_.retired_last(few_lanes)) take_past(space, lane);
}

}  // namespace weir::pool
