// A device with several queues over a driver that has one: two families, one for work and one for copies, whose queues
// run independently of each other. Each has a thread that takes its submissions in order, waits for their semaphores,
// and hands them to the real queue; so that work on two queues is in no order but that of semaphores, and a queue that
// waits holds up no other. Notes the first breach of the rules for queues: two callers at once, commands on a queue of
// another family, a buffer that families use without sharing. It stands in the backend's table of functions. One at a
// time.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "backend/vulkan/functions.hpp"

namespace weir::backend::vulkan {

class VirtualQueues {
 public:
  static constexpr std::uint32_t work_queues = 3;
  static constexpr std::uint32_t copy_queues = 2;

  static VirtualQueues& now() {
    static auto* queues = new VirtualQueues;
    return *queues;
  }
  /// Before a device is opened, none being open.
  void reset() {
    breach_.clear();
    used_.clear();
  }
  static void interpose(Functions& functions, bool of_device);

  [[nodiscard]] std::string breach() {
    const std::lock_guard lock(mutex_);
    return breach_;
  }
  /// How many semaphores the last submission waits for.
  [[nodiscard]] std::size_t last_waits() {
    const std::lock_guard lock(mutex_);
    return last_waits_;
  }
  /// Binds wait until they are let go.
  void hold_binds(bool hold) {
    {
      const std::lock_guard lock(mutex_);
      binds_held_ = hold;
    }
    binds_let_go_.notify_all();
  }
  /// Of each family, the queues that something was submitted to.
  [[nodiscard]] std::set<std::array<std::uint32_t, 2>> used() {
    const std::lock_guard lock(mutex_);
    return used_;
  }

 private:
  struct Queue {
    std::uint32_t family = 0;
    std::uint32_t number = 0;
    std::atomic<bool> called{false};
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> line;
    bool busy = false;
    bool ends = false;
    std::thread thread;
  };
  /// The values of timelines that a submission waits for, and signals.
  struct Points {
    std::vector<VkSemaphore> semaphores;
    std::vector<std::uint64_t> values;
  };

  struct Real {
    PFN_vkGetPhysicalDeviceQueueFamilyProperties families = nullptr;
    PFN_vkCreateDevice create_device = nullptr;
    PFN_vkDestroyDevice destroy_device = nullptr;
    PFN_vkDeviceWaitIdle wait_idle = nullptr;
    PFN_vkGetDeviceQueue get_queue = nullptr;
    PFN_vkCreateCommandPool create_pool = nullptr;
    PFN_vkAllocateCommandBuffers allocate = nullptr;
    PFN_vkCreateBuffer create_buffer = nullptr;
    PFN_vkQueueSubmit submit = nullptr;
    PFN_vkQueueBindSparse bind = nullptr;
    PFN_vkWaitSemaphores wait = nullptr;
  };

  void expect(bool holds, const char* rule) {
    const std::lock_guard lock(mutex_);
    if (!holds && breach_.empty()) breach_ = rule;
  }
  static Queue& queue_of(VkQueue handle) { return *reinterpret_cast<Queue*>(handle); }

  // A queue's thread.
  static void serve(Queue& queue) {
    std::unique_lock lock(queue.mutex);
    for (;;) {
      queue.changed.wait(lock, [&] { return queue.ends || !queue.line.empty(); });
      if (queue.line.empty()) return;
      const std::function<void()> next = std::move(queue.line.front());
      queue.line.pop_front();
      queue.busy = true;
      lock.unlock();
      next();
      lock.lock();
      queue.busy = false;
      queue.changed.notify_all();
    }
  }
  void enter(Queue& queue, std::function<void()> work) {
    expect(!queue.called.exchange(true), "two threads called one queue at once");
    std::this_thread::yield();
    {
      const std::lock_guard lock(queue.mutex);
      queue.line.push_back(std::move(work));
    }
    queue.changed.notify_all();
    queue.called = false;
  }
  void await(const Points& points) const {
    VkSemaphoreWaitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
    info.semaphoreCount = static_cast<std::uint32_t>(points.semaphores.size());
    info.pSemaphores = points.semaphores.data();
    info.pValues = points.values.data();
    if (info.semaphoreCount != 0) static_cast<void>(real_.wait(device_, &info, UINT64_MAX));
  }
  static const VkTimelineSemaphoreSubmitInfo& timelines(const void* next) {
    return *static_cast<const VkTimelineSemaphoreSubmitInfo*>(next);
  }
  static Points points(std::uint32_t count, const VkSemaphore* semaphores, const std::uint64_t* values) {
    return {{semaphores, semaphores + count}, {values, values + count}};
  }
  void drain() {
    for (const auto& queue : queues_) {
      std::unique_lock lock(queue->mutex);
      queue->changed.wait(lock, [&] { return queue->line.empty() && !queue->busy; });
    }
  }

  // --- The functions that it replaces ---

  static VKAPI_ATTR void VKAPI_CALL families(VkPhysicalDevice device, std::uint32_t* count,
                                             VkQueueFamilyProperties* out) {
    if (out == nullptr) {
      *count = 2;
      return;
    }
    std::uint32_t one = 1;
    now().real_.families(device, &one, out);
    out[1] = out[0];
    out[0].queueCount = work_queues;
    out[1].queueCount = copy_queues;
    out[1].queueFlags &= VK_QUEUE_TRANSFER_BIT | VK_QUEUE_SPARSE_BINDING_BIT;
    *count = 2;
  }
  static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo* info,
                                                      const VkAllocationCallbacks* callbacks, VkDevice* out) {
    VkDeviceCreateInfo real = *info;
    const float priority = 1;
    VkDeviceQueueCreateInfo queue = info->pQueueCreateInfos[0];
    queue.queueFamilyIndex = 0;
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
    real.queueCreateInfoCount = 1;
    real.pQueueCreateInfos = &queue;
    now().asked_.clear();
    for (std::uint32_t i = 0; i < info->queueCreateInfoCount; ++i) {
      const VkDeviceQueueCreateInfo& each = info->pQueueCreateInfos[i];
      now().asked_[each.queueFamilyIndex] = each.queueCount;
      now().expect(each.queueCount <= (each.queueFamilyIndex == 0 ? work_queues : copy_queues),
                   "more queues are asked of a family than it has");
    }
    const VkResult result = now().real_.create_device(physical, &real, callbacks, out);
    now().device_ = *out;
    return result;
  }
  static VKAPI_ATTR void VKAPI_CALL get_queue(VkDevice device, std::uint32_t family, std::uint32_t number,
                                              VkQueue* out) {
    VirtualQueues& all = now();
    if (all.real_queue_ == VK_NULL_HANDLE) all.real_.get_queue(device, 0, 0, &all.real_queue_);
    all.expect(number < all.asked_[family], "a queue is used that was not asked for");
    auto& queue = all.queues_.emplace_back(std::make_unique<Queue>());
    queue->family = family;
    queue->number = number;
    queue->thread = std::thread([&queue = *queue] { serve(queue); });
    *out = reinterpret_cast<VkQueue>(queue.get());
  }
  static VKAPI_ATTR VkResult VKAPI_CALL wait_idle(VkDevice device) {
    now().drain();
    const std::lock_guard lock(now().real_mutex_);
    return now().real_.wait_idle(device);
  }
  static VKAPI_ATTR void VKAPI_CALL destroy_device(VkDevice device, const VkAllocationCallbacks* callbacks) {
    VirtualQueues& all = now();
    for (const auto& queue : all.queues_) {
      {
        const std::lock_guard lock(queue->mutex);
        queue->ends = true;
      }
      queue->changed.notify_all();
      queue->thread.join();
    }
    all.queues_.clear();
    all.real_queue_ = VK_NULL_HANDLE;
    all.pools_.clear();
    all.commands_.clear();
    all.real_.destroy_device(device, callbacks);
  }
  static VKAPI_ATTR VkResult VKAPI_CALL create_pool(VkDevice device, const VkCommandPoolCreateInfo* info,
                                                    const VkAllocationCallbacks* callbacks, VkCommandPool* out) {
    VkCommandPoolCreateInfo real = *info;
    real.queueFamilyIndex = 0;
    const VkResult result = now().real_.create_pool(device, &real, callbacks, out);
    const std::lock_guard lock(now().mutex_);
    now().pools_[*out] = info->queueFamilyIndex;
    return result;
  }
  static VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkCommandBufferAllocateInfo* info,
                                                 VkCommandBuffer* out) {
    const VkResult result = now().real_.allocate(device, info, out);
    const std::lock_guard lock(now().mutex_);
    now().commands_[*out] = now().pools_[info->commandPool];
    return result;
  }
  static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice device, const VkBufferCreateInfo* info,
                                                      const VkAllocationCallbacks* callbacks, VkBuffer* out) {
    now().expect(info->sharingMode == VK_SHARING_MODE_CONCURRENT && info->queueFamilyIndexCount == 2,
                 "a buffer is not shared between the families that use it");
    VkBufferCreateInfo real = *info;
    real.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
    real.queueFamilyIndexCount = 0;
    return now().real_.create_buffer(device, &real, callbacks, out);
  }
  static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue handle, std::uint32_t, const VkSubmitInfo* info, VkFence) {
    VirtualQueues& all = now();
    Queue& queue = queue_of(handle);
    const VkTimelineSemaphoreSubmitInfo& values = timelines(info->pNext);
    const Points waits = points(info->waitSemaphoreCount, info->pWaitSemaphores, values.pWaitSemaphoreValues);
    const Points signals = points(info->signalSemaphoreCount, info->pSignalSemaphores, values.pSignalSemaphoreValues);
    const std::vector<VkCommandBuffer> commands(info->pCommandBuffers,
                                                info->pCommandBuffers + info->commandBufferCount);
    {
      const std::lock_guard lock(all.mutex_);
      all.used_.insert({queue.family, queue.number});
      all.last_waits_ = waits.values.size();
    }
    for (VkCommandBuffer each : commands) {
      const std::lock_guard lock(all.mutex_);
      if (all.commands_[each] != queue.family && all.breach_.empty()) all.breach_ = "commands of another family";
    }
    all.enter(queue, [&all, waits, signals, commands] {
      all.await(waits);
      VkTimelineSemaphoreSubmitInfo real_values{};
      real_values.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
      real_values.signalSemaphoreValueCount = static_cast<std::uint32_t>(signals.values.size());
      real_values.pSignalSemaphoreValues = signals.values.data();
      VkSubmitInfo real{};
      real.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
      real.pNext = &real_values;
      real.commandBufferCount = static_cast<std::uint32_t>(commands.size());
      real.pCommandBuffers = commands.data();
      real.signalSemaphoreCount = real_values.signalSemaphoreValueCount;
      real.pSignalSemaphores = signals.semaphores.data();
      const std::lock_guard one(all.real_mutex_);
      all.expect(all.real_.submit(all.real_queue_, 1, &real, VK_NULL_HANDLE) == VK_SUCCESS, "a submission failed");
    });
    return VK_SUCCESS;
  }
  static VKAPI_ATTR VkResult VKAPI_CALL bind(VkQueue handle, std::uint32_t, const VkBindSparseInfo* info, VkFence) {
    VirtualQueues& all = now();
    const VkTimelineSemaphoreSubmitInfo& values = timelines(info->pNext);
    const Points waits = points(info->waitSemaphoreCount, info->pWaitSemaphores, values.pWaitSemaphoreValues);
    const Points signals = points(info->signalSemaphoreCount, info->pSignalSemaphores, values.pSignalSemaphoreValues);
    const VkBuffer buffer = info->pBufferBinds->buffer;
    const std::vector<VkSparseMemoryBind> binds(info->pBufferBinds->pBinds,
                                                info->pBufferBinds->pBinds + info->pBufferBinds->bindCount);
    all.enter(queue_of(handle), [&all, waits, signals, buffer, binds] {
      all.await(waits);
      {
        std::unique_lock lock(all.mutex_);
        all.binds_let_go_.wait(lock, [&] { return !all.binds_held_; });
      }
      VkTimelineSemaphoreSubmitInfo real_values{};
      real_values.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
      real_values.signalSemaphoreValueCount = static_cast<std::uint32_t>(signals.values.size());
      real_values.pSignalSemaphoreValues = signals.values.data();
      const VkSparseBufferMemoryBindInfo pages{buffer, static_cast<std::uint32_t>(binds.size()), binds.data()};
      VkBindSparseInfo real{};
      real.sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO;
      real.pNext = &real_values;
      real.bufferBindCount = 1;
      real.pBufferBinds = &pages;
      real.signalSemaphoreCount = real_values.signalSemaphoreValueCount;
      real.pSignalSemaphores = signals.semaphores.data();
      const std::lock_guard one(all.real_mutex_);
      all.expect(all.real_.bind(all.real_queue_, 1, &real, VK_NULL_HANDLE) == VK_SUCCESS, "a bind failed");
    });
    return VK_SUCCESS;
  }

  Real real_;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue real_queue_ = VK_NULL_HANDLE;
  std::mutex real_mutex_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::map<std::uint32_t, std::uint32_t> asked_;
  std::mutex mutex_;
  std::string breach_;
  std::map<VkCommandPool, std::uint32_t> pools_;
  std::map<VkCommandBuffer, std::uint32_t> commands_;
  std::set<std::array<std::uint32_t, 2>> used_;
  std::size_t last_waits_ = 0;
  bool binds_held_ = false;
  std::condition_variable binds_let_go_;
};

inline void VirtualQueues::interpose(Functions& functions, bool of_device) {
  Real& real = now().real_;
  const auto replace = [](auto& function, auto& kept, auto by) {
    kept = function.pointer();
    function.set(by);
  };
  if (!of_device) {
    replace(functions.vkGetPhysicalDeviceQueueFamilyProperties, real.families, &families);
    replace(functions.vkCreateDevice, real.create_device, &create_device);
    return;
  }
  real.wait = functions.vkWaitSemaphores.pointer();
  replace(functions.vkDestroyDevice, real.destroy_device, &destroy_device);
  replace(functions.vkDeviceWaitIdle, real.wait_idle, &wait_idle);
  replace(functions.vkGetDeviceQueue, real.get_queue, &get_queue);
  replace(functions.vkCreateCommandPool, real.create_pool, &create_pool);
  replace(functions.vkAllocateCommandBuffers, real.allocate, &allocate);
  replace(functions.vkCreateBuffer, real.create_buffer, &create_buffer);
  replace(functions.vkQueueSubmit, real.submit, &submit);
  replace(functions.vkQueueBindSparse, real.bind, &bind);
}

}  // namespace weir::backend::vulkan
