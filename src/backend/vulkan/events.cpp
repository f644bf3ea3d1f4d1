// Events: values on the streams' timelines, and what happens when one is reached.
#include <algorithm>
#include <map>
#include <utility>

#include <weir/errors.hpp>

#include "backend/vulkan/stream.hpp"
#include "device/stream_position.hpp"

namespace weir::backend::vulkan {

using device::position_of;
using device::stream_of;

namespace {

using WaitClock = std::chrono::steady_clock;

WaitClock::time_point end_of(std::chrono::nanoseconds deadline) {
  return WaitClock::now() + std::clamp<std::chrono::nanoseconds>(deadline, {}, longest_wait);
}

std::uint64_t left_until(WaitClock::time_point end) {
  return static_cast<std::uint64_t>(std::max<std::chrono::nanoseconds>(end - WaitClock::now(), {}).count());
}

}  // namespace

device::EventId Streams::record(StreamId id) {
  gpu_.require_alive();
  const Shared stream = streams_.find(id);
  {
    const std::lock_guard lock(order_);
    // What the stream has been told to wait for belongs to what is before the event.
    if (stream->waits.empty() && stream->foreign_waits.empty()) return device::event_at(stream->id, stream->submitted);
  }
  submit(stream, {});
  const std::lock_guard lock(order_);
  return device::event_at(stream->id, stream->submitted);
}

bool Streams::query(device::EventId event) {
  gpu_.require_alive();
  const Shared stream = streams_.find_or_null(stream_of(event));
  return !stream || reached(*stream, position_of(event));
}

bool Streams::wait_any(std::span<const device::EventId> events, std::chrono::nanoseconds deadline) {
  gpu_.require_alive();
  const auto end = end_of(deadline);
  std::vector<Goal> goals;
  for (const device::EventId event : events) {
    Shared stream = streams_.find_or_null(stream_of(event));
    if (!stream) return true;
    goals.push_back({std::move(stream), position_of(event)});
  }
  if (goals.empty()) return true;
  if (goals.size() == 1) return await(*goals.front().stream, goals.front().value, deadline);
  for (;;) {
    if (std::any_of(goals.begin(), goals.end(), [&](const Goal& each) { return reached(*each.stream, each.value); })) {
      return true;
    }
    if (WaitClock::now() >= end) return false;
    await_some(goals, end);
  }
}

void Streams::stream_wait(StreamId id, device::EventId event) {
  gpu_.require_alive();
  const Shared stream = streams_.find(id);
  const Shared other = streams_.find_or_null(stream_of(event));
  const std::uint64_t value = position_of(event);
  if (!other || other == stream) return;
  // What the host may not look at yet is made visible with this stream's next item.
  const bool lands = other->unlanded.load() != 0;
  if (!lands && other->reached.load() >= value) return;
  const std::lock_guard turn(stream->turn);
  const std::lock_guard lock(order_);
  stream->waits.reserve(stream->waits.size() + 1);
  if (lands) {
    stream->landings.push_back({stream->submitted + 1, {}, {other, value}});
    ++stream->unlanded;
  }
  for (Item::Wait& each : stream->waits) {
    if (each.on != other) continue;
    each.value = std::max(each.value, value);
    return;
  }
  stream->waits.push_back({other, value});
}

bool Streams::reached(Stream& stream, std::uint64_t value) {
  if (stream.reached.load() < value) {
    std::uint64_t now = 0;
    gpu_.require(gpu_.vk().vkGetSemaphoreCounterValue, gpu_.device(), stream.timeline, &now);
    note_reached(stream, now);
    if (now < value) return false;
    collect(stream);
  }
  land(stream, value);
  tell_failure(stream, value);
  return true;
}

bool Streams::await(Stream& stream, std::uint64_t value, std::chrono::nanoseconds deadline) {
  if (stream.reached.load() < value) {
    const auto end = end_of(deadline);
    if (!await_issue(stream, value, deadline)) return false;
    if (!await_semaphore(stream.timeline, value, std::chrono::nanoseconds(left_until(end)))) return false;
  }
  note_reached(stream, value);
  collect(stream);
  land(stream, value);
  tell_failure(stream, value);
  return true;
}

// Waits in the driver for those that are issued, and here for the others. Returns when there is something to look at:
// one was reached or issued, the device is lost, or the end has come.
void Streams::await_some(std::span<const Goal> goals, WaitClock::time_point end) {
  gpu_.require_alive();
  std::vector<VkSemaphore> semaphores;
  std::vector<std::uint64_t> values;
  {
    std::unique_lock lock(order_);
    for (const Goal& each : goals) {
      if (each.stream->issued < each.value) continue;
      semaphores.push_back(each.stream->timeline);
      values.push_back(each.value);
    }
    if (semaphores.empty()) {
      const auto some_issued = [](const Goal& each) { return each.stream->issued >= each.value; };
      changed_.wait_until(lock, end,
                          [&] { return gpu_.lost() || std::any_of(goals.begin(), goals.end(), some_issued); });
      return;
    }
    if (semaphores.size() < goals.size()) {
      semaphores.push_back(wake_);
      values.push_back(woken_ + 1);
      ++wakers_wanted_;
    }
  }
  auto info = of_type<VkSemaphoreWaitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO);
  info.flags = VK_SEMAPHORE_WAIT_ANY_BIT;
  info.semaphoreCount = static_cast<std::uint32_t>(semaphores.size());
  info.pSemaphores = semaphores.data();
  info.pValues = values.data();
  const VkResult result = gpu_.vk().vkWaitSemaphores(gpu_.device(), &info, left_until(end));
  if (semaphores.back() == wake_) --wakers_wanted_;
  gpu_.require_result(result, gpu_.vk().vkWaitSemaphores);
}

// For a host function: all before it is done, and what it may read is there.
void Streams::settle(Stream& stream, std::uint64_t value) {
  if (stream.reached.load() < value) static_cast<void>(await_semaphore(stream.timeline, value, longest_wait));
  note_reached(stream, value);
  land(stream, value);
}

// What is kept back is waited for here and not in the driver, as nothing that the driver knows of ends it.
bool Streams::await_issue(Stream& stream, std::uint64_t value, std::chrono::nanoseconds deadline) {
  std::unique_lock lock(order_);
  const bool seen = changed_.wait_until(lock, end_of(deadline), [&] { return stream.issued >= value || gpu_.lost(); });
  lock.unlock();
  gpu_.require_alive();
  return seen;
}

// The driver ends a wait on a lost device, by the specification in finite time.
bool Streams::await_semaphore(VkSemaphore semaphore, std::uint64_t value, std::chrono::nanoseconds deadline) {
  const auto end = end_of(deadline);
  auto info = of_type<VkSemaphoreWaitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO);
  info.semaphoreCount = 1;
  info.pSemaphores = &semaphore;
  info.pValues = &value;
  for (;;) {
    gpu_.require_alive();
    const std::uint64_t left = left_until(end);
    if (gpu_.require(gpu_.vk().vkWaitSemaphores, gpu_.device(), &info, left) == VK_SUCCESS) return true;
    if (WaitClock::now() >= end) return false;
  }
}

void Streams::note_reached(Stream& stream, std::uint64_t value) noexcept {
  std::uint64_t known = stream.reached.load();
  while (known < value && !stream.reached.compare_exchange_weak(known, value)) {
  }
}

// Makes what the device wrote into memory that is not coherent visible, before anyone is told that it is there: on this
// stream, and on those that it waited for. One thread does it, the others wait for it. No range is done twice, as what
// the host wrote there since would be lost.
void Streams::land(Stream& stream, std::uint64_t value) {
  if (stream.unlanded.load() == 0) return;
  std::unique_lock lock(order_);
  changed_.wait(lock, [&] { return !landing_; });
  std::map<Stream*, std::uint64_t> upto;
  std::vector<VkMappedMemoryRange> ranges;
  gather_landings(stream, value, upto, ranges);
  if (upto.empty()) return;
  std::deque<Stream::Landing> landed;  // ends after the lock: it may be the last use of a stream
  const auto done = [&](bool all) {
    lock.lock();
    landing_ = false;
    for (const auto& [on, last] : upto) {
      while (all && !on->landings.empty() && on->landings.front().value <= last) {
        landed.push_back(std::move(on->landings.front()));
        on->landings.pop_front();
        --on->unlanded;
      }
    }
    lock.unlock();
    changed_.notify_all();
  };
  landing_ = true;
  lock.unlock();
  try {
    if (!ranges.empty()) {
      gpu_.require(gpu_.vk().vkInvalidateMappedMemoryRanges, gpu_.device(), static_cast<std::uint32_t>(ranges.size()),
                   ranges.data());
    }
  } catch (...) {
    done(false);
    throw;
  }
  done(true);
}

// Lists what is to land up to a value, and notes up to where on each stream. Called with order_.
void Streams::gather_landings(Stream& stream, std::uint64_t value, std::map<Stream*, std::uint64_t>& upto,
                              std::vector<VkMappedMemoryRange>& ranges) {
  std::vector<std::pair<Stream*, std::uint64_t>> left{{&stream, value}};
  while (!left.empty()) {
    const auto [next, last] = left.back();
    left.pop_back();
    std::uint64_t& before = upto[next];
    for (const Stream::Landing& each : next->landings) {
      if (each.value > last) break;
      if (each.value <= before) continue;
      if (each.after.on) {
        left.emplace_back(each.after.on.get(), each.after.value);
        continue;
      }
      auto range = of_type<VkMappedMemoryRange>(VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE);
      range.memory = each.range.memory;
      range.offset = each.range.offset;
      range.size = each.range.bytes;
      ranges.push_back(range);
    }
    before = std::max(before, last);
  }
}

void Streams::flush(const HostRange& host) {
  auto range = of_type<VkMappedMemoryRange>(VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE);
  range.memory = host.memory;
  range.offset = host.offset;
  range.size = host.bytes;
  gpu_.require_for(host.bytes, gpu_.vk().vkFlushMappedMemoryRanges, gpu_.device(), 1u, &range);
}

void Streams::tell_failure(Stream& stream, std::uint64_t value) {
  std::exception_ptr failure;
  {
    const std::lock_guard lock(order_);
    if (stream.failed == 0 || stream.failed > value) return;
    failure = std::exchange(stream.failure, nullptr);
    stream.failed = 0;
  }
  if (failure) std::rethrow_exception(failure);
}

// Takes back what has been done. The items end without the lock.
void Streams::collect(Stream& stream) {
  constexpr std::size_t few = 8;
  std::vector<Item> done;
  {
    const std::lock_guard lock(order_);
    if (stream.in_flight.empty()) return;
    if (stream.in_flight.front().value > stream.reached.load() && stream.in_flight.size() < few) return;
  }
  std::uint64_t now = 0;
  gpu_.require(gpu_.vk().vkGetSemaphoreCounterValue, gpu_.device(), stream.timeline, &now);
  note_reached(stream, now);
  const std::lock_guard lock(order_);
  while (!stream.in_flight.empty() && stream.in_flight.front().value <= now) {
    done.push_back(std::move(stream.in_flight.front()));
    stream.in_flight.pop_front();
  }
}

// --- For users who submit themselves ---

Streams::TimelinePoint Streams::timeline_point(StreamId id) {
  gpu_.require_alive();
  const Shared stream = streams_.find(id);
  // The program's submission waits for this alone, so that what is bound by now comes before it.
  if (pending_binds() != 0) submit(stream, {});
  const device::EventId event = record(id);
  const std::uint64_t value = position_of(event);
  static_cast<void>(await_issue(*stream, value, longest_wait));
  return {stream->timeline, value};
}

void Streams::wait_for(StreamId id, TimelinePoint point) {
  const Shared stream = streams_.find(id);
  const std::lock_guard turn(stream->turn);
  const std::lock_guard lock(order_);
  stream->foreign_waits.push_back(point);
}

}  // namespace weir::backend::vulkan
