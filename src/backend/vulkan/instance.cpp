#include "backend/vulkan/instance.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <weir/errors.hpp>

#include "backend/vulkan/errors.hpp"

namespace weir::backend::vulkan {
namespace {

constexpr std::uint32_t least_version = VK_API_VERSION_1_2;

// Streams take turns at them; each costs the driver some memory, and more than some do not run side by side.
constexpr std::uint32_t max_work_queues = 8;
// One for each direction.
constexpr std::uint32_t max_copy_queues = 2;

bool has(const std::vector<VkExtensionProperties>& extensions, const char* name) {
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const auto& each) { return std::strcmp(each.extensionName, name) == 0; });
}

std::string version_text(std::uint32_t version) {
  return std::to_string(VK_API_VERSION_MAJOR(version)) + "." + std::to_string(VK_API_VERSION_MINOR(version));
}

int rank(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return 0;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return 1;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return 2;
    default: return 3;
  }
}

/// A list in the driver's two-call way.
template <class Item, class Ask>
std::vector<Item> list_of(const char* call, Ask ask) {
  std::vector<Item> items;
  for (VkResult result = VK_INCOMPLETE; result == VK_INCOMPLETE;) {
    std::uint32_t count = 0;
    result = ask(&count, nullptr);
    if (result < 0) fail(result, call);
    items.resize(count);
    result = ask(&count, items.data());
    if (result < 0) fail(result, call);
    items.resize(count);
  }
  return items;
}

/// What a loader that fails was told to load, where the environment says so: a file that is malformed fails every
/// call, with a code that names neither it nor what is wrong.
std::string told_by_environment() {
  std::string all;
  for (const char* name : {"VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"}) {
    const char* files = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here writes it
    if (files == nullptr || *files == '\0') continue;
    all += std::string(all.empty() ? "" : " and ") + name + "=" + files;
  }
  return all.empty() ? all : "; the loader reads drivers from " + all + ": correct what it names, or unset it";
}

}  // namespace

Instance::Instance(Interpose wrap) : interpose_(wrap) {
  library_ = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) {
    const char* why = dlerror();
    throw NotFound(std::string("no Vulkan loader: ") + (why == nullptr ? "libvulkan.so.1" : why), {.name = "vulkan"});
  }
  try {
    create();
  } catch (const Error& error) {
    const std::string told = told_by_environment();
    dlclose(library_);
    if (told.empty()) throw;
    throw NotFound(error.message() + told, {.name = "vulkan", .native_code = error.facts().native_code});
  } catch (...) {
    dlclose(library_);
    throw;
  }
}

void Instance::create() {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): dlsym knows no types
  functions_.get_instance_proc_addr =
      reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library_, "vkGetInstanceProcAddr"));
  if (functions_.get_instance_proc_addr == nullptr) {
    throw NotFound("the Vulkan loader has no vkGetInstanceProcAddr", {.name = "vulkan"});
  }
  functions_.load_global();
  std::uint32_t version = VK_API_VERSION_1_0;
  if (functions_.vkEnumerateInstanceVersion) static_cast<void>(functions_.vkEnumerateInstanceVersion(&version));
  if (version < least_version) {
    throw NotFound("the Vulkan loader is of version " + version_text(version) + ", 1.2 is needed", {.name = "vulkan"});
  }
  const auto extensions = list_of<VkExtensionProperties>(
      "vkEnumerateInstanceExtensionProperties", [&](std::uint32_t* count, VkExtensionProperties* items) {
        return functions_.vkEnumerateInstanceExtensionProperties(nullptr, count, items);
      });
  std::vector<const char*> wanted;
  if (has(extensions, VK_EXT_DEBUG_UTILS_EXTENSION_NAME)) wanted.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  auto application = of_type<VkApplicationInfo>(VK_STRUCTURE_TYPE_APPLICATION_INFO);
  application.pEngineName = "weir";
  application.apiVersion = std::min<std::uint32_t>(version, VK_API_VERSION_1_3);
  auto info = of_type<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  info.pApplicationInfo = &application;
  info.enabledExtensionCount = static_cast<std::uint32_t>(wanted.size());
  info.ppEnabledExtensionNames = wanted.data();
  const VkResult result = functions_.vkCreateInstance(&info, nullptr, &instance_);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
    throw NotFound("the Vulkan loader found no driver that loads (vkCreateInstance: " + name_of(result) + ")",
                   {.name = "vulkan", .native_code = static_cast<int>(result)});
  }
  if (result < 0) fail(result, "vkCreateInstance");
  functions_.load_instance(instance_);
  if (interpose_ != nullptr) interpose_(functions_, false);
}

Instance::~Instance() {
  functions_.vkDestroyInstance(instance_, nullptr);
  dlclose(library_);
}

std::vector<Adapter> Instance::adapters() {
  const auto devices =
      list_of<VkPhysicalDevice>("vkEnumeratePhysicalDevices", [&](std::uint32_t* count, VkPhysicalDevice* items) {
        return functions_.vkEnumeratePhysicalDevices(instance_, count, items);
      });
  std::vector<Adapter> all;
  all.reserve(devices.size());
  for (VkPhysicalDevice device : devices) all.push_back(describe(device));
  std::stable_sort(all.begin(), all.end(), [](const Adapter& a, const Adapter& b) {
    return std::pair(!a.missing.empty(), rank(a.type)) < std::pair(!b.missing.empty(), rank(b.type));
  });
  return all;
}

Adapter Instance::describe(VkPhysicalDevice device) {
  Adapter adapter;
  adapter.handle = device;
  VkPhysicalDeviceProperties basic{};
  functions_.vkGetPhysicalDeviceProperties(device, &basic);
  adapter.name = static_cast<const char*>(basic.deviceName);
  adapter.type = basic.deviceType;
  adapter.limits = basic.limits;
  if (basic.apiVersion < least_version) {
    adapter.missing = "it has Vulkan " + version_text(basic.apiVersion) + ", 1.2 is needed";
    return adapter;
  }
  auto largest =
      of_type<VkPhysicalDeviceMaintenance4Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES);
  auto most =
      of_type<VkPhysicalDeviceMaintenance3Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
  if (basic.apiVersion >= VK_API_VERSION_1_3) most.pNext = &largest;
  auto properties = of_type<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  properties.pNext = &most;
  functions_.vkGetPhysicalDeviceProperties2(device, &properties);
  adapter.max_allocated = most.maxMemoryAllocationSize;
  adapter.largest_buffer = largest.maxBufferSize != 0 ? largest.maxBufferSize : UINT64_MAX;

  auto newer = of_type<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  auto features = of_type<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  features.pNext = &newer;
  functions_.vkGetPhysicalDeviceFeatures2(device, &features);
  adapter.doubles = features.features.shaderFloat64 == VK_TRUE;
  adapter.device_addresses = newer.bufferDeviceAddress == VK_TRUE;
  if (newer.timelineSemaphore != VK_TRUE) adapter.missing = "it has no timeline semaphores";

  auto memory = of_type<VkPhysicalDeviceMemoryProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
  functions_.vkGetPhysicalDeviceMemoryProperties2(device, &memory);
  adapter.memory = memory.memoryProperties;
  const auto extensions = list_of<VkExtensionProperties>(
      "vkEnumerateDeviceExtensionProperties", [&](std::uint32_t* count, VkExtensionProperties* items) {
        return functions_.vkEnumerateDeviceExtensionProperties(device, nullptr, count, items);
      });
  adapter.budget = has(extensions, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  // Binding alone is not enough: a buffer would have to be bound whole before its first use.
  find_queues(adapter,
              features.features.sparseBinding == VK_TRUE && features.features.sparseResidencyBuffer == VK_TRUE);
  return adapter;
}

void Instance::find_queues(Adapter& adapter, bool may_bind) {
  std::uint32_t count = 0;
  functions_.vkGetPhysicalDeviceQueueFamilyProperties(adapter.handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  functions_.vkGetPhysicalDeviceQueueFamilyProperties(adapter.handle, &count, families.data());
  constexpr std::uint32_t none = UINT32_MAX;
  // Of the families with all of `with` and nothing beside `with` and `beside`, the first with the most queues up to
  // `enough`.
  const auto find = [&](VkQueueFlags with, VkQueueFlags beside, std::uint32_t enough) {
    std::uint32_t best = none;
    std::uint32_t most = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const VkQueueFlags flags = families[i].queueFlags;
      const std::uint32_t queues = std::min(families[i].queueCount, enough);
      if ((flags & with) != with || (flags & ~(with | beside)) != 0 || queues <= most) continue;
      best = i;
      most = queues;
    }
    return best;
  };
  constexpr VkQueueFlags any = ~VkQueueFlags{0};
  adapter.work_family = find(VK_QUEUE_COMPUTE_BIT, any, max_work_queues);
  if (adapter.work_family == none) {
    adapter.missing = "it has no queue for compute";
    return;
  }
  adapter.work_queues = std::min(families[adapter.work_family].queueCount, max_work_queues);
  // Families for video and the like copy too, but are no copy engines.
  const std::uint32_t copies =
      find(VK_QUEUE_TRANSFER_BIT, VK_QUEUE_SPARSE_BINDING_BIT | VK_QUEUE_PROTECTED_BIT, max_copy_queues);
  adapter.copy_family = copies == none ? adapter.work_family : copies;
  adapter.copy_queues = copies == none ? 0 : std::min(families[copies].queueCount, max_copy_queues);
  adapter.sparse = may_bind && find_bind_queue(adapter, families);
}

// A queue that nothing else uses, so that a bind waits for no work before it; else the last of those for copies, then
// of those for work.
bool Instance::find_bind_queue(Adapter& adapter, const std::vector<VkQueueFamilyProperties>& families) {
  const auto used = [&](std::uint32_t family) {
    return family == adapter.work_family ? adapter.work_queues
                                         : (family == adapter.copy_family ? adapter.copy_queues : 0u);
  };
  std::vector<std::uint32_t> wishes{adapter.copy_family, adapter.work_family};
  for (std::uint32_t family = 0; family < families.size(); ++family) wishes.push_back(family);
  std::erase_if(wishes, [&](std::uint32_t family) {
    return families[family].queueCount == 0 || (families[family].queueFlags & VK_QUEUE_SPARSE_BINDING_BIT) == 0;
  });
  if (wishes.empty()) return false;
  const auto spare = std::find_if(wishes.begin(), wishes.end(),
                                  [&](std::uint32_t family) { return families[family].queueCount > used(family); });
  adapter.bind_family = spare != wishes.end() ? *spare : wishes.front();
  adapter.bind_queue = std::min(used(adapter.bind_family), families[adapter.bind_family].queueCount - 1);
  return true;
}

std::optional<Instance::Budget> Instance::budget(const Adapter& adapter, std::uint32_t heap) {
  if (!adapter.budget) return std::nullopt;
  auto budget = of_type<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  auto memory = of_type<VkPhysicalDeviceMemoryProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
  memory.pNext = &budget;
  functions_.vkGetPhysicalDeviceMemoryProperties2(adapter.handle, &memory);
  return Budget{budget.heapBudget[heap], budget.heapUsage[heap]};
}

}  // namespace weir::backend::vulkan
