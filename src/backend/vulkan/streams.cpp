#include "backend/vulkan/streams.hpp"

#include <algorithm>
#include <string>

#include <weir/errors.hpp>

#include "backend/vulkan/stream.hpp"
#include "core/elsewhere.hpp"
#include "core/thread.hpp"

namespace weir::backend::vulkan {

Streams::Streams(Gpu& gpu, Commands& commands) : gpu_(gpu), commands_(commands) {
  if (gpu_.adapter().sparse) binds_ = make_timeline();
  try {
    streams_.add(StreamId::legacy_default, make_stream(StreamId::legacy_default));
  } catch (...) {
    destroy_timelines();
    throw;
  }
}

Streams::~Streams() {
  streams_.destroy_all();
  static_cast<void>(await_binds());
  // Some drivers look at a semaphore once more after what it stood for was seen done.
  static_cast<void>(gpu_.vk().vkDeviceWaitIdle(gpu_.device()));
  destroy_timelines();
}

void Streams::destroy_timelines() noexcept {
  for (const TimelinePoint& each : spare_) gpu_.vk().vkDestroySemaphore(gpu_.device(), each.semaphore, nullptr);
  gpu_.vk().vkDestroySemaphore(gpu_.device(), binds_, nullptr);
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
  return std::make_shared<Stream>(*this, id, start);
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
  Item item;  // what is refused ends after the lock
  item.work = std::move(work);
  {
    const std::lock_guard lock(order_);
    gpu_.require_alive();  // else the thread might be gone already
    if (stream->closing) {
      throw InvalidArgument("work was queued on a stream that is being destroyed", {.name = "stream"});
    }
    const bool issued = queue(stream, item);
    ++stream->submitted;
    if (issued) stream->issued = stream->submitted;
    stream->waits.clear();
    stream->foreign_waits.clear();
  }
  changed_.notify_all();
  collect(*stream);
}

// True if it was issued at once. Changes nothing if it throws, and then `item` has what it had. The lock is held.
bool Streams::queue(const Shared& stream, Item& item) {
  item.value = stream->submitted + 1;
  item.waits = stream->waits;
  item.foreign_waits = stream->foreign_waits;
  const bool now = !item.work.function && ready(*stream, item);
  if (!now && !stream->thread.joinable()) {
    const std::string whose = "stream " + std::to_string(static_cast<std::uint32_t>(stream->id));
    stream->thread = core::start_thread(whose, [this, stream] { drain(stream); });
  }
  const bool lands = item.work.invalidate.has_value();
  if (lands) {
    stream->landings.push_back({item.value, *item.work.invalidate});
    ++stream->unlanded;
  }
  auto& line = now ? stream->in_flight : stream->backlog;
  try {
    line.push_back(std::move(item));
    if (now) issue(*stream, line.back());
  } catch (...) {
    if (!line.empty() && line.back().value == stream->submitted + 1) {
      item = std::move(line.back());
      line.pop_back();
    }
    if (lands) {
      stream->landings.pop_back();
      --stream->unlanded;
    }
    throw;
  }
  return now;
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
  for (const TimelinePoint& each : item.foreign_waits) wait_for(each.semaphore, each.value);
  if (bound_ > bound_done_.load()) wait_for(binds_, bound_);
  const QueueKind kind = item.work.command.handle() == VK_NULL_HANDLE ? QueueKind::work : item.work.command.kind();
  const VkQueue queue = gpu_.queue(kind);
  if (queue != stream.last_queue && stream.reached.load() < stream.issued) wait_for(stream.timeline, stream.issued);

  const std::vector<VkPipelineStageFlags> stages(semaphores.size(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
  const VkCommandBuffer body = item.work.foreign != VK_NULL_HANDLE ? item.work.foreign : item.work.command.handle();
  const std::array<VkCommandBuffer, 3> buffers{commands_.before(kind), body, commands_.after(kind)};
  auto timeline = of_type<VkTimelineSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  timeline.waitSemaphoreValueCount = static_cast<std::uint32_t>(values.size());
  timeline.pWaitSemaphoreValues = values.data();
  timeline.signalSemaphoreValueCount = 1;
  timeline.pSignalSemaphoreValues = &item.value;
  auto info = of_type<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  info.pNext = &timeline;
  info.waitSemaphoreCount = timeline.waitSemaphoreValueCount;
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
  core::run_queued_work_from_now_on();
  std::deque<Item> left;  // ends after the lock
  std::unique_lock order(order_);
  for (;;) {
    changed_.wait(order, [&] { return stream->closing || !stream->backlog.empty() || gpu_.lost(); });
    if (gpu_.lost() || stream->backlog.empty()) break;
    try {
      drain_one(*stream, order);
    } catch (...) {
      if (!order.owns_lock()) order.lock();
      if (gpu_.lost() || !pass_over_failed(*stream, order)) break;
    }
  }
  // On a lost device nothing runs any more; what its functions hold may be the last use of this stream.
  if (gpu_.lost()) left.swap(stream->backlog);
}

// What could not be issued: whoever waits for it is told, and what comes after it goes on. False on a lost device.
bool Streams::pass_over_failed(Stream& stream, std::unique_lock<std::mutex>& order) noexcept {
  stream.failure = std::current_exception();
  stream.failed = stream.issued + 1;
  Item failed = std::move(stream.backlog.front());
  stream.backlog.pop_front();
  order.unlock();
  failed.work.function = nullptr;
  try {
    run(stream, failed);
  } catch (...) {
    order.lock();
    return false;
  }
  order.lock();
  ++stream.issued;
  changed_.notify_all();
  return true;
}

void Streams::drain_one(Stream& stream, std::unique_lock<std::mutex>& order) {
  changed_.wait(order, [&] { return ready(stream, stream.backlog.front()) || gpu_.lost(); });
  gpu_.require_alive();
  // Only this thread takes items from the front; others add at the end, which moves none.
  Item& item = stream.backlog.front();
  if (item.work.function) {
    order.unlock();
    run(stream, item);
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

// Runs a host function, if there is one, when all before it is done, ends it, and says so on the timeline.
void Streams::run(Stream& stream, Item& item) {
  settle(stream, item.value - 1);
  for (const Item::Wait& each : item.waits) settle(*each.on, each.value);
  for (const TimelinePoint& each : item.foreign_waits) {
    static_cast<void>(await_semaphore(each.semaphore, each.value, longest_wait));
  }
  if (item.work.function) {
    item.work.function();
    item.work.function = nullptr;
  }
  auto info = of_type<VkSemaphoreSignalInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO);
  info.semaphore = stream.timeline;
  info.value = item.value;
  gpu_.require(gpu_.vk().vkSignalSemaphore, gpu_.device(), &info);
  note_reached(stream, item.value);
}

// It takes no more work.
void Streams::close(Stream& stream) noexcept {
  {
    const std::lock_guard lock(order_);
    stream.closing = true;
  }
  changed_.notify_all();
}

// Whether it is closed, and finish() would wait for no work.
bool Streams::over(Stream& stream) noexcept {
  std::uint64_t last = 0;
  {
    const std::lock_guard lock(order_);
    if (!stream.closing || stream.thread.get_id() == std::this_thread::get_id()) return false;
    if (gpu_.lost()) return true;
    if (stream.issued < stream.submitted) return false;
    last = stream.submitted;
  }
  try {
    return reached(stream, last);
  } catch (const Error&) {
    return gpu_.lost();
  }
}

// The end of a stream: its work is done, its thread gone, and nothing of it in flight.
void Streams::finish(Stream& stream) noexcept {
  close(stream);
  if (stream.thread.joinable()) stream.thread.join();
  std::uint64_t last = 0;
  {
    const std::lock_guard lock(order_);
    last = stream.submitted;
  }
  try {
    if (!gpu_.lost()) static_cast<void>(await(stream, last, longest_wait));
    collect(stream);
  } catch (const Error&) {
    // Lost, or no longer to be asked: no work of it runs.
  }
  abandon(stream);
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
