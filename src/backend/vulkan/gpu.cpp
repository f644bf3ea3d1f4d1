#include "backend/vulkan/gpu.hpp"

#include <algorithm>

namespace weir::backend::vulkan {

Gpu::Gpu(std::unique_ptr<Instance> instance, Adapter adapter)
    : instance_(std::move(instance)), adapter_(std::move(adapter)) {
  open();
}

void Gpu::open() {
  families_ = {adapter_.work_family};
  if (adapter_.copy_family != adapter_.work_family) families_.push_back(adapter_.copy_family);
  std::vector<std::uint32_t> opened = families_;
  if (adapter_.sparse && std::find(opened.begin(), opened.end(), adapter_.bind_family) == opened.end()) {
    opened.push_back(adapter_.bind_family);
  }
  const float priority = 1;
  std::vector<VkDeviceQueueCreateInfo> queues;
  for (const std::uint32_t family : opened) {
    auto queue = of_type<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
    queue.queueFamilyIndex = family;
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
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
  for (const QueueKind kind : {QueueKind::work, QueueKind::copy, QueueKind::bind}) {
    if (kind == QueueKind::bind && !adapter_.sparse) continue;
    vk().vkGetDeviceQueue(device_, family(kind), 0u, &queues_[static_cast<std::size_t>(kind)]);
  }
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
