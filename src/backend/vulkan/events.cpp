// Events: values on the streams' timelines, and what happens when one is reached.
#include <algorithm>
#include <utility>

#include <weir/errors.hpp>

#include "backend/vulkan/stream.hpp"
#include "device/stream_position.hpp"

namespace weir::backend::vulkan {

using device::position_of;
using device::stream_of;

namespace {

// A wait looks so often whether the device was lost meanwhile, which not every driver tells those who wait.
constexpr std::chrono::nanoseconds slice = std::chrono::milliseconds(100);
// And so often, while it is in the driver, whether what was kept back has been issued meanwhile.
constexpr std::chrono::nanoseconds mixed_slice = std::chrono::milliseconds(1);

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
  const auto end = std::chrono::steady_clock::now() + std::clamp(deadline, {}, longest_wait);
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
    const std::chrono::nanoseconds left = end - std::chrono::steady_clock::now();
    if (left.count() <= 0) return false;
    await_some(goals, std::min(left, slice));
  }
}

void Streams::stream_wait(StreamId id, device::EventId event) {
  gpu_.require_alive();
  const Shared stream = streams_.find(id);
  const Shared other = streams_.find_or_null(stream_of(event));
  if (!other || other == stream || other->reached.load() >= position_of(event)) return;
  const std::lock_guard lock(order_);
  for (Item::Wait& each : stream->waits) {
    if (each.on != other) continue;
    each.value = std::max(each.value, position_of(event));
    return;
  }
  stream->waits.push_back({other, position_of(event)});
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
    const auto started = std::chrono::steady_clock::now();
    if (!await_issue(stream, value, deadline)) return false;
    const auto spent = std::chrono::steady_clock::now() - started;
    if (!await_semaphore(stream.timeline, value, std::clamp(deadline, {}, longest_wait) - spent)) return false;
  }
  note_reached(stream, value);
  collect(stream);
  land(stream, value);
  tell_failure(stream, value);
  return true;
}

// Waits in the driver for those that are issued, and here for the others; at most so long, often less.
void Streams::await_some(std::span<const Goal> goals, std::chrono::nanoseconds most) {
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
      changed_.wait_for(lock, most);
      return;
    }
  }
  auto info = of_type<VkSemaphoreWaitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO);
  info.flags = VK_SEMAPHORE_WAIT_ANY_BIT;
  info.semaphoreCount = static_cast<std::uint32_t>(semaphores.size());
  info.pSemaphores = semaphores.data();
  info.pValues = values.data();
  const bool all = semaphores.size() == goals.size();
  const auto step = static_cast<std::uint64_t>((all ? most : std::min(most, mixed_slice)).count());
  gpu_.require(gpu_.vk().vkWaitSemaphores, gpu_.device(), &info, step);
}

// For a host function: all before it is done, and what it may read is there.
void Streams::settle(Stream& stream, std::uint64_t value) {
  if (stream.reached.load() < value) static_cast<void>(await_semaphore(stream.timeline, value, longest_wait));
  note_reached(stream, value);
  land(stream, value);
}

// What is kept back is waited for here and not in the driver: some keep a lock while they wait, and let nobody in who
// would signal.
bool Streams::await_issue(Stream& stream, std::uint64_t value, std::chrono::nanoseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + std::clamp(deadline, {}, longest_wait);
  std::unique_lock lock(order_);
  while (stream.issued < value && !gpu_.lost()) {
    const std::chrono::nanoseconds left = end - std::chrono::steady_clock::now();
    if (left.count() <= 0) return false;
    changed_.wait_for(lock, std::min(left, slice));
  }
  lock.unlock();
  gpu_.require_alive();
  return true;
}

bool Streams::await_semaphore(VkSemaphore semaphore, std::uint64_t value, std::chrono::nanoseconds deadline) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::clamp(deadline, {}, longest_wait);
  auto info = of_type<VkSemaphoreWaitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO);
  info.semaphoreCount = 1;
  info.pSemaphores = &semaphore;
  info.pValues = &value;
  for (;;) {
    gpu_.require_alive();
    const std::chrono::nanoseconds left = std::max<std::chrono::nanoseconds>(end - Clock::now(), {});
    const auto step = static_cast<std::uint64_t>(std::min(left, slice).count());
    if (gpu_.require(gpu_.vk().vkWaitSemaphores, gpu_.device(), &info, step) == VK_SUCCESS) return true;
    if (Clock::now() >= end) return false;
  }
}

void Streams::note_reached(Stream& stream, std::uint64_t value) noexcept {
  std::uint64_t known = stream.reached.load();
  while (known < value && !stream.reached.compare_exchange_weak(known, value)) {
  }
}

// Makes what the device wrote into memory that is not coherent visible, before anyone is told that it is there.
// One thread does it, the others wait for it.
void Streams::land(Stream& stream, std::uint64_t value) {
  if (stream.unlanded.load() == 0) return;
  std::unique_lock lock(order_);
  changed_.wait(lock, [&] { return !stream.landing; });
  std::vector<VkMappedMemoryRange> ranges;
  for (const Stream::Landing& each : stream.landings) {
    if (each.value > value) break;
    auto range = of_type<VkMappedMemoryRange>(VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE);
    range.memory = each.range.memory;
    range.offset = each.range.offset;
    range.size = each.range.bytes;
    ranges.push_back(range);
  }
  if (ranges.empty()) return;
  stream.landing = true;
  lock.unlock();
  const auto done = [&](std::size_t landed) {
    lock.lock();
    stream.landing = false;
    stream.landings.erase(stream.landings.begin(), stream.landings.begin() + static_cast<std::ptrdiff_t>(landed));
    stream.unlanded -= landed;
    lock.unlock();
    changed_.notify_all();
  };
  try {
    gpu_.require(gpu_.vk().vkInvalidateMappedMemoryRanges, gpu_.device(), static_cast<std::uint32_t>(ranges.size()),
                 ranges.data());
  } catch (...) {
    done(0);
    throw;
  }
  done(ranges.size());
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

// --- Sparse memory ---

void Streams::bind(VkBuffer buffer, std::span<const VkSparseMemoryBind> binds) {
  gpu_.require_alive();
  VkSparseBufferMemoryBindInfo pages{};
  pages.buffer = buffer;
  pages.bindCount = static_cast<std::uint32_t>(binds.size());
  pages.pBinds = binds.data();
  const std::lock_guard lock(order_);
  const std::uint64_t next = bound_ + 1;
  auto timeline = of_type<VkTimelineSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  timeline.waitSemaphoreValueCount = 1;
  timeline.pWaitSemaphoreValues = &bound_;
  timeline.signalSemaphoreValueCount = 1;
  timeline.pSignalSemaphoreValues = &next;
  auto info = of_type<VkBindSparseInfo>(VK_STRUCTURE_TYPE_BIND_SPARSE_INFO);
  info.pNext = &timeline;
  info.waitSemaphoreCount = 1;
  info.pWaitSemaphores = &binds_;
  info.bufferBindCount = 1;
  info.pBufferBinds = &pages;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &binds_;
  gpu_.require(gpu_.vk().vkQueueBindSparse, gpu_.queue(QueueKind::bind), 1u, &info, VkFence{VK_NULL_HANDLE});
  bound_ = next;
}

bool Streams::await_binds() noexcept {
  std::uint64_t last = 0;
  {
    const std::lock_guard lock(order_);
    last = bound_;
  }
  if (last <= bound_done_.load()) return true;
  try {
    if (!await_semaphore(binds_, last, longest_wait)) return false;
  } catch (const Error&) {
    return false;
  }
  std::uint64_t known = bound_done_.load();
  while (known < last && !bound_done_.compare_exchange_weak(known, last)) {
  }
  return true;
}

// --- For users who submit themselves ---

Streams::TimelinePoint Streams::timeline_point(StreamId id) {
  const device::EventId event = record(id);
  const Shared stream = streams_.find(id);
  const std::uint64_t value = position_of(event);
  static_cast<void>(await_issue(*stream, value, longest_wait));
  return {stream->timeline, value};
}

void Streams::wait_for(StreamId id, TimelinePoint point) {
  const Shared stream = streams_.find(id);
  const std::lock_guard lock(order_);
  stream->foreign_waits.push_back(point);
}

}  // namespace weir::backend::vulkan
