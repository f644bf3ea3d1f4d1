// Binding sparse memory: each bind after the one before, by the values of one timeline, which submissions wait for
// until a bind is seen done.
#include <algorithm>

#include <weir/errors.hpp>

#include "backend/vulkan/stream.hpp"

namespace weir::backend::vulkan {
namespace {

void raise(std::atomic<std::uint64_t>& known, std::uint64_t to) noexcept {
  std::uint64_t now = known.load();
  while (now < to && !known.compare_exchange_weak(now, to)) {
  }
}

}  // namespace

void Streams::bind(VkBuffer buffer, std::span<const VkSparseMemoryBind> binds) {
  gpu_.require_alive();
  VkSparseBufferMemoryBindInfo pages{};
  pages.buffer = buffer;
  pages.bindCount = static_cast<std::uint32_t>(binds.size());
  pages.pBinds = binds.data();
  Queue& queue = gpu_.queue(QueueKind::bind);
  const std::lock_guard one(queue.mutex);
  const std::uint64_t last = bound_.load();
  const std::uint64_t next = last + 1;
  auto points = of_type<VkTimelineSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  points.waitSemaphoreValueCount = 1;
  points.pWaitSemaphoreValues = &last;
  points.signalSemaphoreValueCount = 1;
  points.pSignalSemaphoreValues = &next;
  auto info = of_type<VkBindSparseInfo>(VK_STRUCTURE_TYPE_BIND_SPARSE_INFO);
  info.pNext = &points;
  info.waitSemaphoreCount = 1;
  info.pWaitSemaphores = &binds_;
  info.bufferBindCount = 1;
  info.pBufferBinds = &pages;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &binds_;
  gpu_.require(gpu_.vk().vkQueueBindSparse, queue.handle, 1u, &info, VkFence{VK_NULL_HANDLE});
  bound_ = next;
}

// The value that a submission has to wait for; 0 where all binds are done. Asks the driver only while some may not be.
std::uint64_t Streams::pending_binds() {
  const std::uint64_t bound = bound_.load();
  if (bound <= bound_done_.load()) return 0;
  std::uint64_t now = 0;
  gpu_.require(gpu_.vk().vkGetSemaphoreCounterValue, gpu_.device(), binds_, &now);
  raise(bound_done_, now);
  return bound > now ? bound : 0;
}

bool Streams::await_binds() noexcept {
  const std::uint64_t last = bound_.load();
  if (last <= bound_done_.load()) return true;
  try {
    if (!await_semaphore(binds_, last, longest_wait)) return false;
  } catch (const Error&) {
    return false;
  }
  raise(bound_done_, last);
  return true;
}

}  // namespace weir::backend::vulkan
