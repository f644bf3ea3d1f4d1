#include "backend/vulkan/streams.hpp"

#include <algorithm>
#include <string>

#include <weir/errors.hpp>

#include "backend/vulkan/stream.hpp"
#include "core/thread.hpp"

namespace weir::backend::vulkan {

Streams::Streams(Gpu& gpu, Commands& commands) : gpu_(gpu), commands_(commands) {
  try {
    wake_ = make_timeline();
    if (gpu_.adapter().sparse) binds_ = make_timeline();
    streams_.add(StreamId::legacy_default, make_stream(StreamId::legacy_default));
  } catch (...) {
    destroy_timelines();
    throw;
  }
  // Those who wait here would wait for good for what is never issued.
  gpu_.when_lost([this] {
    { const std::lock_guard lock(order_); }
    changed_.notify_all();
  });
}

Streams::~Streams() {
  streams_.destroy_all();
  gpu_.when_lost(nullptr);
  static_cast<void>(await_binds());
  // Some drivers look at a semaphore once more after what it stood for was seen done.
  static_cast<void>(gpu_.vk().vkDeviceWaitIdle(gpu_.device()));
  destroy_timelines();
}

void Streams::destroy_timelines() noexcept {
  for (const TimelinePoint& each : spare_) gpu_.vk().vkDestroySemaphore(gpu_.device(), each.semaphore, nullptr);
  gpu_.vk().vkDestroySemaphore(gpu_.device(), binds_, nullptr);
  gpu_.vk().vkDestroySemaphore(gpu_.device(), wake_, nullptr);
}

// A timeline is never destroyed before the device, but used again.
Streams::Shared Streams::make_stream(StreamId id) {
  TimelinePoint start;
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
  return std::make_shared<Stream>(*this, id, start, turns_++);
}

void Streams::keep_timeline(TimelinePoint last) noexcept {
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
  streams_.drop_ended();
  const StreamId id = device::next_stream_id();
  streams_.add(id, make_stream(id));
  return id;
}

void Streams::destroy(StreamId id) noexcept { streams_.destroy(id); }

void Streams::end_after_work(StreamId id) noexcept { streams_.end_after_work(id); }

StreamId Streams::resolve(StreamId id) {
  static_cast<void>(streams_.find(id));
  return id;
}

// --- Submitting ---

void Streams::submit(StreamId id, Work work) { submit(streams_.find(id), std::move(work)); }

void Streams::submit(const Shared& stream, Work work) {
  gpu_.require_alive();
  if (work.flush) flush(*work.flush);
  Item item;  // what is refused ends after the locks
  item.work = std::move(work);
  {
    const std::lock_guard turn(stream->turn);
    if (queue(stream, item)) {
      try {
        issue(*stream, stream->in_flight.back());
      } catch (...) {
        take_back(*stream, item);
        throw;
      }
      const std::lock_guard lock(order_);
      stream->issued = ++stream->submitted;
      stream->waits.clear();
      stream->foreign_waits.clear();
    }
  }
  tell_progress();
  collect(*stream);
}

// Lists an item; true if it is to be issued at once, and counted then. Changes nothing if it throws, and then `item`
// has what it had. The stream's turn is held.
bool Streams::queue(const Shared& stream, Item& item) {
  const std::lock_guard lock(order_);
  gpu_.require_alive();  // else the thread might be gone already
  if (stream->closing) {
    throw InvalidArgument("work was queued on a stream that is being destroyed", {.name = "stream"});
  }
  item.value = stream->submitted + 1;
  item.waits = stream->waits;
  item.foreign_waits = stream->foreign_waits;
  const bool now = !item.work.function && ready(*stream, item);
  if (!now && !stream->thread.joinable()) {
    const std::string whose = "stream " + std::to_string(static_cast<std::uint32_t>(stream->id));
    stream->thread = core::start_thread(whose, [this, stream] { drain(stream); });
  }
  if (item.work.invalidate) {
    stream->landings.push_back({item.value, *item.work.invalidate, {}});
    ++stream->unlanded;
  }
  try {
    (now ? stream->in_flight : stream->backlog).push_back(std::move(item));
  } catch (...) {
    if (item.work.invalidate) {
      stream->landings.pop_back();
      --stream->unlanded;
    }
    throw;
  }
  if (now) return true;
  ++stream->submitted;
  stream->waits.clear();
  stream->foreign_waits.clear();
  return false;
}

// An item that was listed to be issued at once, and was not.
void Streams::take_back(Stream& stream, Item& item) noexcept {
  const std::lock_guard lock(order_);
  item = std::move(stream.in_flight.back());
  stream.in_flight.pop_back();
  if (!item.work.invalidate) return;
  stream.landings.pop_back();
  --stream.unlanded;
}

bool Streams::ready(const Stream& stream, const Item& item) const noexcept {
  return stream.issued + 1 == item.value && std::all_of(item.waits.begin(), item.waits.end(),
                                                        [](const auto& each) { return each.on->issued >= each.value; });
}

// Tells those who wait for something to be issued that something was.
void Streams::tell_progress() noexcept {
  changed_.notify_all();
  if (wakers_wanted_.load() == 0) return;
  const std::lock_guard waking(waking_);
  auto info = of_type<VkSemaphoreSignalInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO);
  info.semaphore = wake_;
  {
    const std::lock_guard lock(order_);
    info.value = ++woken_;
  }
  // A failure is a lost device's, of which the driver tells those who wait.
  static_cast<void>(gpu_.vk().vkSignalSemaphore(gpu_.device(), &info));
}

// The timeline values that a submission waits for.
struct Streams::Submission {
  std::vector<VkSemaphore> semaphores;
  std::vector<std::uint64_t> values;
  void wait_for(VkSemaphore semaphore, std::uint64_t value) {
    semaphores.push_back(semaphore);
    values.push_back(value);
  }
};

// Gives an item to its queue. Called by one thread at a time for a stream: who has its turn while nothing is kept back,
// else its thread.
void Streams::issue(Stream& stream, Item& item) {
  const bool foreign = item.work.foreign != VK_NULL_HANDLE;
  const VkCommandBuffer body = foreign ? item.work.foreign : item.work.command.handle();
  const QueueKind kind = foreign || body == VK_NULL_HANDLE ? QueueKind::work : item.work.command.kind();
  Queue& queue = gpu_.queue(kind, stream.at_queues);
  const Commands::Does does = foreign || body == VK_NULL_HANDLE ? Commands::Does::anything : Commands::Does::transfers;
  // What was seen done, on any queue, needs no wait: it became available with its signal, and the barrier shows it.
  Submission waits;
  for (const Item::Wait& each : item.waits) {
    if (each.on->reached.load() < each.value) waits.wait_for(each.on->timeline, each.value);
  }
  for (const TimelinePoint& each : item.foreign_waits) waits.wait_for(each.semaphore, each.value);
  if (const std::uint64_t bound = pending_binds(); bound != 0) waits.wait_for(binds_, bound);
  const bool stays = stream.last_queue == &queue;
  const std::uint64_t before = item.value - 1;
  if (!stays && stream.last_queue != nullptr && stream.reached.load() < before) waits.wait_for(stream.timeline, before);

  const std::vector<VkPipelineStageFlags> stages(waits.values.size(), Commands::stages_of(does));
  const Commands::Does last = stays ? stream.last_did : Commands::Does::transfers;
  const std::array<VkCommandBuffer, 3> buffers{commands_.before(kind, last, does), body, commands_.after(kind, does)};
  auto points = of_type<VkTimelineSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  points.waitSemaphoreValueCount = static_cast<std::uint32_t>(waits.values.size());
  points.pWaitSemaphoreValues = waits.values.data();
  points.signalSemaphoreValueCount = 1;
  points.pSignalSemaphoreValues = &item.value;
  auto info = of_type<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  info.pNext = &points;
  info.waitSemaphoreCount = points.waitSemaphoreValueCount;
  info.pWaitSemaphores = waits.semaphores.data();
  info.pWaitDstStageMask = stages.data();
  info.commandBufferCount = body == VK_NULL_HANDLE ? 0 : (foreign || item.work.host_looks ? 3 : 2);
  info.pCommandBuffers = buffers.data();
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &stream.timeline;
  {
    const std::lock_guard one(queue.mutex);
    gpu_.require(gpu_.vk().vkQueueSubmit, queue.handle, 1u, &info, VkFence{VK_NULL_HANDLE});
  }
  stream.last_queue = &queue;
  if (!stays || body != VK_NULL_HANDLE) stream.last_did = does;
}

}  // namespace weir::backend::vulkan
