#include "backend/vulkan/streams.hpp"

#include <algorithm>
#include <string>

#include <weir/errors.hpp>

#include "backend/vulkan/stream.hpp"

namespace weir::backend::vulkan {

Streams::Streams(Gpu& gpu, Commands& commands) : gpu_(gpu), commands_(commands) {
  if (gpu_.adapter().sparse) binds_ = make_timeline();
  try {
    streams_.emplace(StreamId::legacy_default, make_stream(StreamId::legacy_default));
  } catch (...) {
    destroy_timelines();
    throw;
  }
}

Streams::~Streams() {
  for (const auto& [id, stream] : streams_) finish(stream);
  static_cast<void>(await_binds());
  streams_.clear();
  // Some drivers look at a semaphore once more after what it stood for was seen done.
  static_cast<void>(gpu_.vk().vkDeviceWaitIdle(gpu_.device()));
  destroy_timelines();
}

void Streams::destroy_timelines() noexcept {
  for (const Point& each : spare_) gpu_.vk().vkDestroySemaphore(gpu_.device(), each.semaphore, nullptr);
  gpu_.vk().vkDestroySemaphore(gpu_.device(), binds_, nullptr);
}

// A timeline is never destroyed before the device, but used again.
Streams::Shared Streams::make_stream(StreamId id) {
  Point start;
  {
    const std::lock_guard lock(spare_mutex_);
    if (!spare_.empty()) {
      start = spare_.back();
      spare_.pop_back();
    }
  }
  if (start.semaphore == VK_NULL_HANDLE) start.semaphore = make_timeline();
  gpu_.name(VK_OBJECT_TYPE_SEMAPHORE, number_of(start.semaphore),
            "weir stream " + std::to_string(static_cast<std::uint32_t>(id)));
  return std::make_shared<Stream>(*this, id, start);
}

void Streams::keep_timeline(Point last) noexcept {
  const std::lock_guard lock(spare_mutex_);
  spare_.push_back(last);
}

VkSemaphore Streams::make_timeline() {
  auto type = of_type<VkSemaphoreTypeCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  auto info = of_type<VkSemaphoreCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO);
  info.pNext = &type;
  VkSemaphore semaphore = VK_NULL_HANDLE;
  gpu_.require(gpu_.vk().vkCreateSemaphore, gpu_.device(), &info, nullptr, &semaphore);
  return semaphore;
}

StreamId Streams::create() {
  gpu_.require_alive();
  const StreamId id = device::next_stream_id();
  Shared stream = make_stream(id);
  const std::lock_guard lock(streams_mutex_);
  streams_.emplace(id, std::move(stream));
  return id;
}

void Streams::destroy(StreamId id) noexcept {
  const Shared last = find_or_null(id);
  if (!last) return;
  // Only then: while its work runs, its events must not look past.
  finish(last);
  const std::lock_guard lock(streams_mutex_);
  streams_.erase(id);
}

StreamId Streams::resolve(StreamId id) {
  if (id == StreamId::per_thread_default) return per_thread();
  static_cast<void>(find(id));
  return id;
}

StreamId Streams::per_thread() {
  // One id a thread and set of streams; ids are never reused, so a stale entry only misses.
  thread_local std::map<const Streams*, StreamId> own;
  const auto [entry, fresh] = own.try_emplace(this, StreamId::legacy_default);
  if (fresh || entry->second == StreamId::legacy_default || !find_or_null(entry->second)) {
    entry->second = StreamId::legacy_default;  // should there be no other
    entry->second = create();
  }
  return entry->second;
}

Streams::Shared Streams::find_or_null(StreamId id) {
  const std::lock_guard lock(streams_mutex_);
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

Streams::Shared Streams::find(StreamId id) {
  if (auto stream = find_or_null(id == StreamId::per_thread_default ? per_thread() : id)) return stream;
  throw InvalidArgument(
      "stream " + std::to_string(static_cast<std::uint32_t>(id)) + " does not exist on this device or was destroyed",
      {.name = "stream"});
}

// --- Submitting ---

void Streams::submit(StreamId id, Work work) { submit(find(id), std::move(work)); }

void Streams::submit(const Shared& stream, Work work) {
  gpu_.require_alive();
  if (work.flush) flush(*work.flush);
  {
    const std::lock_guard lock(order_);
    if (stream->closing) {
      throw InvalidArgument("work was queued on a stream that is being destroyed", {.name = "stream"});
    }
    Item item;
    item.value = stream->submitted + 1;
    item.work = std::move(work);
    item.waits = stream->waits;
    item.foreign_waits = stream->foreign_waits;
    const bool lands = item.work.invalidate.has_value();
    if (lands) {
      stream->landings.push_back({item.value, *item.work.invalidate});
      ++stream->unlanded;
    }
    const bool now = !item.work.function && ready(*stream, item);
    auto& queue = now ? stream->in_flight : stream->backlog;
    try {
      queue.push_back(std::move(item));
      if (now) {
        issue(*stream, queue.back());
      } else if (!stream->thread.joinable()) {
        stream->thread = std::thread([this, stream] { drain(stream); });
      }
    } catch (...) {
      if (!queue.empty() && queue.back().value == stream->submitted + 1) queue.pop_back();
      if (lands) {
        stream->landings.pop_back();
        --stream->unlanded;
      }
      throw;
    }
    ++stream->submitted;
    if (now) stream->issued = stream->submitted;
    stream->waits.clear();
    stream->foreign_waits.clear();
  }
  changed_.notify_all();
  collect(*stream);
}

bool Streams::ready(const Stream& stream, const Item& item) const noexcept {
  return stream.issued + 1 == item.value && std::all_of(item.waits.begin(), item.waits.end(),
                                                        [](const auto& each) { return each.on->issued >= each.value; });
}

// Gives an item to its queue. The lock is held, for the queue's sake.
void Streams::issue(Stream& stream, Item& item) {
  std::vector<VkSemaphore> semaphores;
  std::vector<std::uint64_t> values;
  const auto wait_for = [&](VkSemaphore semaphore, std::uint64_t value) {
    semaphores.push_back(semaphore);
    values.push_back(value);
  };
  for (const Item::Wait& each : item.waits) {
    if (each.on->reached.load() < each.value) wait_for(each.on->timeline, each.value);
  }
  for (const Point& each : item.foreign_waits) wait_for(each.semaphore, each.value);
  if (bound_ > bound_done_.load()) wait_for(binds_, bound_);
  const Lane lane = item.work.command.handle() == VK_NULL_HANDLE ? Lane::work : item.work.command.lane();
  const VkQueue queue = gpu_.queue(lane);
  if (queue != stream.last_queue && stream.reached.load() < stream.issued) wait_for(stream.timeline, stream.issued);

  const std::vector<VkPipelineStageFlags> stages(semaphores.size(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
  const VkCommandBuffer body = item.work.foreign != VK_NULL_HANDLE ? item.work.foreign : item.work.command.handle();
  const std::array<VkCommandBuffer, 3> buffers{commands_.before(lane), body, commands_.after(lane)};
  auto points = of_type<VkTimelineSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  points.waitSemaphoreValueCount = static_cast<std::uint32_t>(values.size());
  points.pWaitSemaphoreValues = values.data();
  points.signalSemaphoreValueCount = 1;
  points.pSignalSemaphoreValues = &item.value;
  auto info = of_type<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  info.pNext = &points;
  info.waitSemaphoreCount = points.waitSemaphoreValueCount;
  info.pWaitSemaphores = semaphores.data();
  info.pWaitDstStageMask = stages.data();
  info.commandBufferCount = body == VK_NULL_HANDLE ? 0 : static_cast<std::uint32_t>(buffers.size());
  info.pCommandBuffers = buffers.data();
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &stream.timeline;
  gpu_.require(gpu_.vk().vkQueueSubmit, queue, 1u, &info, VkFence{VK_NULL_HANDLE});
  stream.last_queue = queue;
}

// --- What is kept back ---

// The stream's thread: issues the backlog in order, and runs its host functions.
void Streams::drain(const Shared& stream) noexcept {
  std::unique_lock order(order_);
  for (;;) {
    changed_.wait(order, [&] { return stream->closing || !stream->backlog.empty() || gpu_.lost(); });
    if (gpu_.lost()) return;
    if (stream->backlog.empty()) return;
    try {
      drain_one(*stream, order);
    } catch (...) {
      if (!order.owns_lock()) order.lock();
      if (gpu_.lost()) return;
      // Whoever waits for it is told, and what comes after it goes on.
      stream->failure = std::current_exception();
      stream->failed = stream->issued + 1;
      Item failed = std::move(stream->backlog.front());
      stream->backlog.pop_front();
      order.unlock();
      failed.work.function = nullptr;
      try {
        run(*stream, failed);
      } catch (...) {
        // Only a lost device gets here, and that is told by every call.
        return;
      }
      order.lock();
      ++stream->issued;
      changed_.notify_all();
    }
  }
}

void Streams::drain_one(Stream& stream, std::unique_lock<std::mutex>& order) {
  changed_.wait(order, [&] { return ready(stream, stream.backlog.front()) || gpu_.lost(); });
  gpu_.require_alive();
  // Only this thread takes items from the front; others add at the end, which moves none.
  Item& item = stream.backlog.front();
  if (item.work.function) {
    order.unlock();
    run(stream, item);
    item.work.function = nullptr;  // what it holds may call weir when it ends
    order.lock();
  } else {
    if (item.work.flush) {
      order.unlock();
      flush(*item.work.flush);
      order.lock();
    }
    stream.in_flight.push_back(std::move(item));
    try {
      issue(stream, stream.in_flight.back());
    } catch (...) {
      item = std::move(stream.in_flight.back());
      stream.in_flight.pop_back();
      throw;
    }
  }
  stream.backlog.pop_front();
  ++stream.issued;
  changed_.notify_all();
}

// Runs a host function, if there is one, when all before it is done, and says so on the timeline.
void Streams::run(Stream& stream, const Item& item) {
  settle(stream, item.value - 1);
  for (const Item::Wait& each : item.waits) settle(*each.on, each.value);
  for (const Point& each : item.foreign_waits) {
    static_cast<void>(await_semaphore(each.semaphore, each.value, longest_wait));
  }
  if (item.work.function) item.work.function();
  auto info = of_type<VkSemaphoreSignalInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO);
  info.semaphore = stream.timeline;
  info.value = item.value;
  gpu_.require(gpu_.vk().vkSignalSemaphore, gpu_.device(), &info);
  note_reached(stream, item.value);
}

// The end of a stream: its work is done, its thread gone, and nothing of it in flight.
void Streams::finish(const Shared& stream) noexcept {
  std::uint64_t last = 0;
  {
    const std::lock_guard lock(order_);
    stream->closing = true;
    last = stream->submitted;
  }
  changed_.notify_all();
  if (stream->thread.joinable()) stream->thread.join();
  try {
    if (!gpu_.lost()) static_cast<void>(await(*stream, last, longest_wait));
    collect(*stream);
  } catch (const Error&) {
    // Lost, or no longer to be asked: no work of it runs.
  }
  abandon(*stream);
}

// Items refer to the streams that they wait for, which may refer back.
void Streams::abandon(Stream& stream) noexcept {
  std::deque<Item> in_flight;
  std::deque<Item> backlog;
  std::vector<Item::Wait> waits;
  const std::lock_guard lock(order_);
  in_flight.swap(stream.in_flight);
  backlog.swap(stream.backlog);
  waits.swap(stream.waits);
}

}  // namespace weir::backend::vulkan
