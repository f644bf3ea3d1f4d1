// What streams keep back: items that wait for a host function, or for something that does. A stream's thread issues
// them in order and runs its host functions. And the end of a stream.
#include <weir/errors.hpp>

#include "backend/vulkan/stream.hpp"
#include "core/elsewhere.hpp"

namespace weir::backend::vulkan {
namespace {

constexpr std::chrono::milliseconds pause{1};  // before a call that failed is made again

}  // namespace

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
  // Until its value is reached, nobody who waits for the stream goes on.
  for (bool passed = false; !passed;) {
    try {
      run(stream, failed);
      passed = true;
    } catch (...) {
      order.lock();
      if (changed_.wait_for(order, pause, [&] { return gpu_.lost(); })) return false;
      order.unlock();
    }
  }
  order.lock();
  ++stream.issued;
  order.unlock();
  tell_progress();
  order.lock();
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
    Item& issued = stream.in_flight.back();  // others add none before it is
    order.unlock();
    try {
      issue(stream, issued);
    } catch (...) {
      order.lock();
      item = std::move(stream.in_flight.back());
      stream.in_flight.pop_back();
      throw;
    }
    order.lock();
  }
  stream.backlog.pop_front();
  ++stream.issued;
  order.unlock();
  tell_progress();
  order.lock();
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
    const std::lock_guard turn(stream.turn);
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
  std::deque<Stream::Landing> landings;
  std::unique_lock lock(order_);
  changed_.wait(lock, [&] { return !landing_; });  // who lands goes through its landings to other streams
  in_flight.swap(stream.in_flight);
  backlog.swap(stream.backlog);
  waits.swap(stream.waits);
  landings.swap(stream.landings);
  stream.unlanded = 0;
}

}  // namespace weir::backend::vulkan
