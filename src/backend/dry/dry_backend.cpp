// Each call of the contract: the part that keeps the books, then what the call costs.
// No lock is held while time is spent.
#include "backend/dry/dry_backend.hpp"

#include <algorithm>
#include <new>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/lazy_memory.hpp"
#include "core/pointer.hpp"
#include "core/process.hpp"

namespace weir::backend::dry {

using device::Address;
using device::DriverCalls;
using device::EventId;
using device::Extent;

DryBackend::DryBackend(std::uint64_t capacity, const device::DriverModel& model, Kind time, bool shows_time)
    : model_(model),
      shows_time_(shows_time),
      time_(time),
      memory_(capacity, fault_),
      streams_(time_, model.event, fault_),
      facts_{.name = "dry device of " + format_bytes(capacity),
             .backend = BackendKind::dry,
             .memory_total = capacity,
             .memory_free = {},
             .page_bytes = page_bytes,
             .virtual_memory = true,
             .pointers = false,
             .default_limit = capacity} {}

DeviceInfo DryBackend::info() const {
  DeviceInfo now = facts_;
  now.memory_free = memory_.free();
  return now;
}

void DryBackend::spend(device::CallPurpose purpose, std::uint64_t calls, Time time) noexcept {
  calls_.add(purpose, calls);
  time_.spend(time);
}

// --- Memory ---

Address DryBackend::reserve(std::uint64_t bytes) {
  spend(&DriverCalls::reserves, 1, model_.reserve);
  return memory_.reserve(bytes);
}

void DryBackend::unreserve(Address address, std::uint64_t bytes) noexcept {
  spend(&DriverCalls::reserves, 1, model_.reserve);
  memory_.unreserve(address, bytes);
}

void DryBackend::create(std::span<Extent> extents) {
  const std::size_t fitting = memory_.create(extents);
  if (fitting == extents.size()) return spend(&DriverCalls::creates, fitting, model_.creating(fitting));
  // A driver is asked for one after the other up to the one that it refuses; those made by then are destroyed again.
  spend(&DriverCalls::creates, fitting + 1, model_.creating(fitting + 1));
  spend(&DriverCalls::destroys, fitting, model_.destroying(fitting));
  throw memory_.refusal(device::pages_of(extents) * page_bytes);
}

void DryBackend::destroy(std::span<const Extent> extents) noexcept {
  memory_.destroy(extents);
  spend(&DriverCalls::destroys, extents.size(), model_.destroying(extents.size()));
}

void DryBackend::map(Address address, std::span<const Extent> extents) {
  if (extents.empty()) return;
  memory_.map(address, extents);
  spend(&DriverCalls::maps, extents.size(), model_.mapping(extents.size()));
  spend(&DriverCalls::accesses, 1, {});  // its cost is in the mapping's
}

void DryBackend::unmap(Address address, std::span<const Extent> extents) {
  if (extents.empty()) return;
  memory_.unmap(address, extents);
  spend(&DriverCalls::unmaps, 1, model_.unmapping(extents.size()));
}

Address DryBackend::allocate_segment(std::uint64_t bytes) {
  spend(&DriverCalls::segments, 1, model_.allocate);
  return memory_.allocate(bytes);
}

void DryBackend::free_segment(Address address, std::uint64_t bytes) noexcept {
  memory_.release(address, bytes);
  spend(&DriverCalls::segments, 1, model_.allocate);
}

// Real memory, as it is the host's: transfers put their data there.
Address DryBackend::allocate_pinned(std::uint64_t bytes) {
  spend(&DriverCalls::pinned, 1, model_.allocate);
  return reinterpret_cast<Address>(core::map_lazy(bytes, "the dry device's pinned memory"));
}

void DryBackend::free_pinned(Address address, std::uint64_t bytes) noexcept {
  core::unmap_lazy(core::pointer(address), bytes);
  spend(&DriverCalls::pinned, 1, model_.allocate);
}

// --- Streams, events and work ---

StreamId DryBackend::create_stream() {
  spend(&DriverCalls::others, 1, {});
  return streams_.create();
}

void DryBackend::destroy_stream(StreamId stream) noexcept {
  spend(&DriverCalls::others, 1, {});
  streams_.destroy(stream);
}

EventId DryBackend::record(StreamId stream) {
  static_cast<void>(streams_.resolve(stream));
  spend(&DriverCalls::events, 1, model_.record);
  return streams_.record(stream);
}

bool DryBackend::query(EventId event) {
  if (event == EventId::none) return true;
  spend(&DriverCalls::events, 1, model_.query);
  return streams_.done(event);
}

bool DryBackend::wait_any(std::span<const EventId> events, Time deadline) {
  if (events.empty() || std::find(events.begin(), events.end(), EventId::none) != events.end()) return true;
  // To look costs what a query does, and is part of the wait.
  spend(&DriverCalls::events, 1, model_.query);
  const Time left = std::max(deadline, Time::zero());
  return streams_.wait_any(events, left - std::min(left, model_.query));
}

void DryBackend::stream_wait(StreamId stream, EventId event) {
  spend(&DriverCalls::others, 1, {});
  streams_.stream_wait(stream, event);
}

void DryBackend::pretend_work(StreamId stream) {
  static_cast<void>(streams_.resolve(stream));
  spend(&DriverCalls::others, 1, {});
}

void DryBackend::run(StreamId, std::function<void()>) {
  throw Unsupported("the dry device has no memory and runs no work; open the host device for that", {.name = "run"});
}

std::shared_ptr<DryBackend> make_dry_backend(std::uint64_t capacity) {
  return core::make_shared_fork_safe<DryBackend>(capacity);
}

std::shared_ptr<DryBackend> make_dry_backend(std::uint64_t capacity, const device::DriverModel& model,
                                             device::SimulatedTime::Kind time) {
  return core::make_shared_fork_safe<DryBackend>(capacity, model, time);
}

}  // namespace weir::backend::dry
