#include "pool/order/stream_order.hpp"

#include <string>
#include <utility>

#include <weir/errors.hpp>

#include "pool/space/space.hpp"

namespace weir::pool {

StreamOrder::StreamOrder(std::shared_ptr<device::Backend> backend, const Journal& journal)
    : backend_(std::move(backend)), journal_(journal), epochs_(backend_) {}

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

// Everything that the stream's checkpoints show to be done becomes clean; a retired stream's index is then used again.
bool StreamOrder::take_done(Space& space, StreamIndex stream_index) {
  try {
    const std::uint64_t done = epochs_.done_epoch(stream_index);
    if (done == 0) return false;
    space.reassign(stream_index, done, clean_index);
    epochs_.forget(stream_index, done);
    return true;
  } catch (const Error& error) {
    journal_.note_fallback(error, epochs_.stream(stream_index));
    return false;
  }
}

bool StreamOrder::look(Space& space, bool only_pages) {
  bool any = false;
  for (const auto& [stream_index, latest] : space.streams_in_use(only_pages)) {
    any = take_done(space, stream_index) || any;
  }
  for (const StreamIndex stream_index : epochs_.retired_last(SIZE_MAX)) any = take_done(space, stream_index) || any;
  return any;
}

void StreamOrder::prepare_pages(Space& space) { static_cast<void>(events_of_pages(space)); }

device::Fence StreamOrder::events_of_pages(Space& space) {
  device::Fence fence;
  for (const auto& [stream_index, latest] : space.streams_in_use(true)) {
    try {
      if (const auto checkpoint = epochs_.covering(stream_index, latest)) fence.add(checkpoint->event);
    } catch (const Error& error) {
      journal_.note_fallback(error, epochs_.stream(stream_index));
    }
  }
  return fence;
}

void StreamOrder::await_pages(Space& space, std::chrono::nanoseconds deadline) {
  device::Fence fence = events_of_pages(space);
  try {
    static_cast<void>(await(fence, core::Deadline(deadline, backend_->clock())));
  } catch (const Error& error) {
    journal_.note_fallback(error);
  }
  look(space, true);
}

bool StreamOrder::take_over(Space& space, StreamIndex target) {
  bool any = false;
  for (const auto& [stream_index, latest] : space.streams_in_use(false)) {
    if (stream_index == target) continue;
    any = take_done(space, stream_index) || any;
    if (target == clean_index) continue;
    try {
      const StreamId taker = epochs_.stream(target);
      if (backend_->capturing(taker)) continue;
      const auto checkpoint = epochs_.covering(stream_index, latest);
      if (!checkpoint) continue;
      if (checkpoint->event) checkpoint->event->hold_back(taker);
      space.reassign(stream_index, checkpoint->epoch, checkpoint->event ? target : clean_index);
      any = true;
    } catch (const Error& error) {
      journal_.note_fallback(error, epochs_.stream(stream_index));
    }
  }
  return any;
}

bool StreamOrder::clean(Space& space, StreamIndex stream_index, const core::Deadline& deadline) {
  try {
    const auto checkpoint = epochs_.covering(stream_index, epochs_.epoch(stream_index));
    if (!checkpoint) return false;
    device::Fence fence;
    fence.add(checkpoint->event);
    if (!await(fence, deadline)) return false;
    return take_done(space, stream_index);
  } catch (const Error& error) {
    journal_.note_fallback(error, epochs_.stream(stream_index));
    return false;
  }
}

bool StreamOrder::await(device::Fence& fence, const core::Deadline& deadline) {
  if (deadline.passed() || fence.empty()) return fence.done();
  const auto began = track::Latency::Clock::now();
  const bool done = fence.await(deadline);
  waits_.record_since(began);
  return done;
}

bool StreamOrder::await_any(Space& space, const core::Deadline& deadline) {
  std::vector<device::SharedEvent> unfinished;
  try {
    pending_.collect(unfinished);
    for (const auto& [stream_index, latest] : space.streams_in_use(false)) {
      const auto newest = epochs_.covering(stream_index, latest);
      if (!newest) continue;
      const StreamEpochs::Checkpoint oldest = epochs_.oldest(stream_index);
      if (oldest.event) unfinished.push_back(oldest.event);
    }
    if (unfinished.empty()) return false;
    const auto began = track::Latency::Clock::now();
    const bool done = device::await_any(*backend_, unfinished, deadline);
    waits_.record_since(began);
    // What is done now is not waited for again: else a caller that tries until nothing more can come would never end.
    if (done) look(space, false);
    return done;
  } catch (const Error& error) {
    journal_.note_fallback(error);
    return false;
  }
}

// A failure may have passed at a second try; on a lost device nothing runs any more.
bool StreamOrder::comes_to_rest(StreamIndex stream_index, const core::Deadline& deadline) noexcept {
  for (int tries = 0; tries < 2; ++tries) {
    try {
      const auto checkpoint = epochs_.covering(stream_index, epochs_.epoch(stream_index));
      return !checkpoint || !checkpoint->event || checkpoint->event->wait(deadline);
    } catch (const DeviceLost&) {
      return true;
    } catch (const Error& error) {
      journal_.note_fallback(error, epochs_.stream(stream_index));
    }
  }
  return false;
}

void StreamOrder::look_at_retired(Space& space) {
  constexpr std::size_t few_streams = 8;
  for (const StreamIndex stream_index : epochs_.retired_last(few_streams)) take_done(space, stream_index);
}

}  // namespace weir::pool
