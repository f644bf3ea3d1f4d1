#include "backend/vulkan/gpu.hpp"

#include <algorithm>
#include <map>

namespace weir::backend::vulkan {
namespace {

std::uint32_t most_of(const std::map<std::uint32_t, std::uint32_t>& counts) {
  std::uint32_t most = 0;
  for (const auto& [family, count] : counts) most = std::max(most, count);
  return most;
}

}  // namespace

Gpu::Gpu(std::unique_ptr<Instance> instance, Adapter adapter)
    : instance_(std::move(instance)), adapter_(std::move(adapter)) {
  open();
}

void Gpu::open() {
  families_ = {adapter_.work_family};
  if (adapter_.copy_family != adapter_.work_family) families_.push_back(adapter_.copy_family);
  std::map<std::uint32_t, std::uint32_t> counts{{adapter_.work_family, adapter_.work_queues}};
  if (adapter_.copy_queues != 0) counts[adapter_.copy_family] = adapter_.copy_queues;
  if (adapter_.sparse) {
    std::uint32_t& count = counts[adapter_.bind_family];
    count = std::max(count, adapter_.bind_queue + 1);
  }
  const std::vector<float> priorities(most_of(counts), 1.0F);
  std::vector<VkDeviceQueueCreateInfo> queues;
  for (const auto& [family, count] : counts) {
    auto queue = of_type<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
    queue.queueFamilyIndex = family;
    queue.queueCount = count;
    queue.pQueuePriorities = priorities.data();
    queues.push_back(queue);
  }
  auto newer = of_type<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  newer.timelineSemaphore = VK_TRUE;
  newer.bufferDeviceAddress = adapter_.device_addresses ? VK_TRUE : VK_FALSE;
  auto features = of_type<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  features.pNext = &newer;
  features.features.sparseBinding = adapter_.sparse ? VK_TRUE : VK_FALSE;
  features.features.sparseResidencyBuffer = features.features.sparseBinding;
  features.features.shaderFloat64 = adapter_.doubles ? VK_TRUE : VK_FALSE;  // for programs' own shaders
  std::vector<const char*> extensions;
  if (adapter_.budget) extensions.push_back(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  auto info = of_type<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  info.pNext = &features;
  info.queueCreateInfoCount = static_cast<std::uint32_t>(queues.size());
  info.pQueueCreateInfos = queues.data();
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  require(vk().vkCreateDevice, adapter_.handle, &info, nullptr, &device_);
  vk().load_device(device_);
  if (instance_->interpose() != nullptr) instance_->interpose()(vk(), true);
  take_queues(QueueKind::work, 0, adapter_.work_queues);
  // Where copies have no family of their own they go where the stream's other work goes.
  take_queues(QueueKind::copy, 0, adapter_.copy_queues != 0 ? adapter_.copy_queues : adapter_.work_queues);
  if (adapter_.sparse) take_queues(QueueKind::bind, adapter_.bind_queue, 1);
}

void Gpu::take_queues(QueueKind kind, std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t number = first; number < first + count; ++number) {
    const auto known = std::find_if(queues_.begin(), queues_.end(), [&](const auto& each) {
      return each->family == family(kind) && each->number == number;
    });
    Queue* queue = known == queues_.end() ? nullptr : known->get();
    if (queue == nullptr) {
      queue = queues_.emplace_back(std::make_unique<Queue>()).get();
      queue->family = family(kind);
      queue->number = number;
      vk().vkGetDeviceQueue(device_, queue->family, number, &queue->handle);
    }
    by_kind_[static_cast<std::size_t>(kind)].push_back(queue);
  }
}

void Gpu::note_lost() const noexcept {
  if (!lost_.exchange(true, std::memory_order_acq_rel) && when_lost_) when_lost_();
}

Gpu::~Gpu() { vk().vkDestroyDevice(device_, nullptr); }

std::uint32_t Gpu::family(QueueKind kind) const noexcept {
  switch (kind) {
    case QueueKind::work: return adapter_.work_family;
    case QueueKind::copy: return adapter_.copy_family;
    case QueueKind::bind: break;
  }
  return adapter_.bind_family;
}

device::DriverCalls Gpu::calls() const noexcept {
  device::DriverCalls seen = calls_.seen();
  seen.events =
      vk().vkGetSemaphoreCounterValue.calls() + vk().vkWaitSemaphores.calls() + vk().vkSignalSemaphore.calls();
  const std::uint64_t all = vk().calls();
  seen.others = all - std::min(all, seen.all());  // a call may be noted that is only about to be made
  return seen;
}

void Gpu::name(VkObjectType type, std::uint64_t object, const std::string& name) const noexcept {
  if (!vk().vkSetDebugUtilsObjectNameEXT) return;
  auto info = of_type<VkDebugUtilsObjectNameInfoEXT>(VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT);
  info.objectType = type;
  info.objectHandle = object;
  info.pObjectName = name.c_str();
  static_cast<void>(vk().vkSetDebugUtilsObjectNameEXT(device_, &info));  // a name is never worth a failure
}

}  // namespace weir::backend::vulkan
