#include "support/faulty_backend.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <weir/errors.hpp>

namespace weir::device {

using faults::FaultKind;

FaultyBackend::FaultyBackend(std::shared_ptr<Backend> inner)
    : InjectingBackend(std::move(inner)), facts_(this->inner().facts()), page_bytes_(facts_.page_bytes) {}

DeviceInfo FaultyBackend::info() const {
  DeviceInfo known = inner().info();
  known.pointers = facts_.pointers;
  const std::lock_guard lock(mutex_);
  ++free_asked_;
  if (shown_free_) known.memory_free = shown_free_;
  return known;
}

void FaultyBackend::show_free(std::optional<std::uint64_t> bytes) {
  const std::lock_guard lock(mutex_);
  shown_free_ = bytes;
}

std::uint64_t FaultyBackend::free_asked() const {
  const std::lock_guard lock(mutex_);
  return free_asked_;
}

// --- Faults ---

void FaultyBackend::fail(std::uint64_t nth, Fault fault, std::optional<CallKind> only, std::uint64_t times) {
  const FaultKind kind = fault == Fault::out_of_memory ? FaultKind::out_of_memory : FaultKind::driver_error;
  schedule().restart(
      {{.kind = kind, .nth = nth, .counted = only ? faults::only(*only) : faults::Calls{}, .times = times}});
}

void FaultyBackend::fail_every(std::uint64_t n) {
  schedule().restart({{.kind = FaultKind::driver_error, .nth = n, .times = UINT64_MAX, .period = 2 * n},
                      {.kind = FaultKind::out_of_memory, .nth = 2 * n, .times = UINT64_MAX, .period = 2 * n}});
}

void FaultyBackend::lose(std::uint64_t nth) { schedule().restart({{.kind = FaultKind::loss, .nth = nth}}); }

void FaultyBackend::lose_at_submit(std::uint64_t nth) {
  schedule().restart({{.kind = FaultKind::loss, .nth = nth, .counted = faults::submits}});
}

void FaultyBackend::heal() {
  schedule().clear();
  find_again();
}

void FaultyBackend::deny_memory(bool denied) {
  const std::lock_guard lock(mutex_);
  denied_ = denied;
}

void FaultyBackend::hold_events(Holding which) {
  if (!which) return late_events().hold({});
  late_events().hold([this, which = std::move(which)](StreamId stream) {
    const std::lock_guard lock(mutex_);
    return which(stream, copied_.contains(stream));
  });
}

void FaultyBackend::before(const faults::Call& call) {
  {
    const std::lock_guard lock(mutex_);
    ++calls_[static_cast<std::size_t>(call.kind)];
    if (denied_ && takes_memory(call.kind)) throw OutOfMemory("memory that is denied", {.name = "faulty"});
  }
  InjectingBackend::before(call);
  const bool copies = call.kind == CallKind::copy || call.kind == CallKind::upload || call.kind == CallKind::download ||
                      call.kind == CallKind::write;
  if (!copies) return;
  const std::lock_guard lock(mutex_);
  copied_.insert(*call.stream);
}

void FaultyBackend::before_giving_back(CallKind kind) noexcept {
  const std::lock_guard lock(mutex_);
  ++calls_[static_cast<std::size_t>(kind)];
}

// --- The books ---

std::uint64_t FaultyBackend::calls(CallKind kind) const {
  const std::lock_guard lock(mutex_);
  return calls_[static_cast<std::size_t>(kind)];
}

FaultyBackend::Balance FaultyBackend::balance() {
  Balance all;
  all.events = late_events().count();  // whose lock is taken before this one, where events are held
  const std::lock_guard lock(mutex_);
  all.ranges = ranges_.size();
  for (const auto& [handle, each] : handles_) {
    all.pages += each.pages;
    all.mapped_pages += each.address != 0 ? each.pages : 0;
  }
  all.segments = segments_.size();
  for (const auto& [address, bytes] : segments_) all.segment_bytes += bytes;
  for (const auto& [address, bytes] : pinned_) all.pinned_bytes += bytes;
  return all;
}

std::string FaultyBackend::not_given_back() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  Balance held = balance();
  while (held != Balance{} && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    held = balance();
  }
  std::string text;
  const auto add = [&text](const char* what, std::uint64_t count) {
    if (count != 0) text += (text.empty() ? "the driver has not back: " : ", ") + std::to_string(count) + " " + what;
  };
  add("ranges", held.ranges);
  add("pages", held.pages);
  add("mapped pages", held.mapped_pages);
  add("segments", held.segments);
  add("pinned bytes", held.pinned_bytes);
  add("events", held.events);
  return text;
}

std::string FaultyBackend::breach() const {
  const std::lock_guard lock(mutex_);
  return breach_;
}

// The mutex is held.
void FaultyBackend::expect(bool holds, const char* rule) noexcept {
  if (!holds && breach_.empty()) breach_ = rule;
}

void FaultyBackend::expect_now(bool holds, const char* rule) noexcept {
  const std::lock_guard lock(mutex_);
  expect(holds, rule);
}

// --- Segments ---

Address FaultyBackend::allocate_segment(std::uint64_t bytes) {
  const Address address = InjectingBackend::allocate_segment(bytes);
  const std::lock_guard lock(mutex_);
  segments_.emplace(address, bytes);
  return address;
}
void FaultyBackend::free_segment(Address address, std::uint64_t bytes) noexcept {
  {
    const std::lock_guard lock(mutex_);
    const auto found = segments_.find(address);
    expect(found != segments_.end() && found->second == bytes, "free_segment: not a segment");
    segments_.erase(address);
  }
  InjectingBackend::free_segment(address, bytes);
}

Address FaultyBackend::allocate_pinned(std::uint64_t bytes) {
  const Address address = InjectingBackend::allocate_pinned(bytes);
  const std::lock_guard lock(mutex_);
  pinned_.emplace(address, bytes);
  return address;
}
void FaultyBackend::free_pinned(Address address, std::uint64_t bytes) noexcept {
  {
    const std::lock_guard lock(mutex_);
    const auto found = pinned_.find(address);
    expect(found != pinned_.end() && found->second == bytes, "free_pinned: not pinned memory");
    pinned_.erase(address);
  }
  InjectingBackend::free_pinned(address, bytes);
}

// --- Events and data ---

EventId FaultyBackend::record(StreamId stream) {
  expect_now(!capturing(stream), "record: the stream is being captured");
  return InjectingBackend::record(stream);
}

bool FaultyBackend::query(EventId event) {
  expect_now(late_events().knows(event), "an event is used after its release");
  return InjectingBackend::query(event);
}

bool FaultyBackend::wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) {
  for (const EventId each : events) expect_now(late_events().knows(each), "an event is used after its release");
  return InjectingBackend::wait_any(events, deadline);
}

void FaultyBackend::stream_wait(StreamId stream, EventId event) {
  expect_now(late_events().knows(event), "an event is used after its release");
  InjectingBackend::stream_wait(stream, event);
}

void FaultyBackend::release(EventId event) noexcept {
  expect_now(late_events().knows(event), "release: the event does not exist, or was released before");
  InjectingBackend::release(event);
}

void FaultyBackend::upload(StreamId stream, Address to, const void* from, std::uint64_t bytes) {
  InjectingBackend::upload(stream, to, from, bytes);
  if (spoils_) inner().fill(stream, to, 0xa5, 4);
}
void FaultyBackend::write(StreamId stream, Address to, std::span<const std::byte> bytes) {
  expect_now(bytes.size() <= max_written, "write: more bytes than it takes");
  InjectingBackend::write(stream, to, bytes);
  if (spoils_) inner().fill(stream, to, 0xa5, 4);
}

}  // namespace weir::device
