#include "faults/injecting_backend.hpp"

#include <utility>
#include <vector>

#include <weir/errors.hpp>

#include "core/elsewhere.hpp"

namespace weir::faults {

InjectingBackend::InjectingBackend(std::shared_ptr<Backend> inner, std::shared_ptr<Schedule> schedule, Told told)
    : ForwardingBackend(std::move(inner)), schedule_(std::move(schedule)), told_(std::move(told)) {}

// --- Faults ---

void InjectingBackend::before(const Call& call) {
  const std::optional<Fault> due = schedule_->strike(call.kind);
  if (due) strike(*due, call);
  if (lost_) refuse();
  if (!call.stream) return;
  if (*call.stream == StreamId::per_thread_default) note(inner().resolve(*call.stream));
  slow_.before(inner(), call.kind, *call.stream);
}

void InjectingBackend::strike(const Fault& fault, const Call& call) {
  if (told_) told_(fault, call.kind);
  switch (fault.kind) {
    case FaultKind::out_of_memory: throw OutOfMemory("an injected lack of memory", {.name = "faulty"});
    case FaultKind::driver_error: throw DriverError("an injected driver error", {.name = "faulty", .native_code = 1});
    case FaultKind::loss:
      lost_ = true;
      events_.set_lost(true);
      return;
    case FaultKind::slow:
      if (call.stream) slow_.add(inner().resolve(*call.stream), fault.factor);
      return;
  }
}

void InjectingBackend::find_again() {
  lost_ = false;
  events_.set_lost(false);
}

void InjectingBackend::refuse() {
  come_to_rest();
  throw DeviceLost("an injected loss of the device", {.name = "faulty"});
}

// On a lost device nothing runs any more, so that its caller may free what queued work uses. A thread that runs queued
// work would wait for itself.
void InjectingBackend::come_to_rest() {
  if (core::in_queued_work()) return;
  std::vector<StreamId> streams;
  {
    const std::lock_guard lock(mutex_);
    streams.assign(streams_.begin(), streams_.end());
  }
  for (const StreamId stream : streams) {
    try {
      if (inner().capturing(stream)) continue;
      const EventId last = inner().record(stream);
      static_cast<void>(inner().wait(last, std::chrono::seconds(10)));
      inner().release(last);
    } catch (const Error&) {
      continue;  // the stream has ended meanwhile
    }
  }
}

// --- Streams ---

void InjectingBackend::note(StreamId stream) {
  const std::lock_guard lock(mutex_);
  streams_.insert(stream);
}

void InjectingBackend::drop(StreamId stream) noexcept {
  slow_.remove(stream);
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

StreamId InjectingBackend::create_stream() {
  const StreamId stream = ForwardingBackend::create_stream();
  note(stream);
  return stream;
}

StreamId InjectingBackend::adopt_stream(std::uint64_t native) {
  const StreamId stream = ForwardingBackend::adopt_stream(native);
  note(stream);
  return stream;
}

void InjectingBackend::destroy_stream(StreamId stream) noexcept {
  drop(stream);
  ForwardingBackend::destroy_stream(stream);
}

void InjectingBackend::stream_ends(StreamId stream) noexcept {
  drop(stream);
  ForwardingBackend::stream_ends(stream);
}

// --- Events ---

auto InjectingBackend::record(StreamId stream) -> EventId {
  return events_.add(ForwardingBackend::record(stream), stream);
}

bool InjectingBackend::query(EventId event) {
  before({CallKind::query});
  return events_.query(inner(), event);
}

// A loss that comes meanwhile wakes those who wait.
bool InjectingBackend::wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) {
  before({CallKind::wait});
  const bool done = events_.wait_any(inner(), events, deadline);
  if (lost_) refuse();
  return done;
}

void InjectingBackend::stream_wait(StreamId stream, EventId event) {
  ForwardingBackend::stream_wait(stream, events_.inner_of(event));
}

void InjectingBackend::release(EventId event) noexcept {
  if (event != EventId::none) ForwardingBackend::release(events_.remove(event));
}

}  // namespace weir::faults
