// The Vulkan side of a workload's kernels: a pipeline a kernel over the same bindings of storage buffers, and for each
// slot sets of descriptors, a command buffer and two time stamps. Commands are recorded anew for each plan, when the
// slot's last ones are done. Used by the workloads' Vulkan computers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <weir/vulkan.hpp>
#include <weir/weir.hpp>

#include "compute/step.hpp"

namespace weir::compute {

/// What a workload's kernels need of a device.
struct VulkanKernels {
  std::string user;  ///< whose they are, for errors: "point clouds"
  /// By the kernel's number; without words for what is never run.
  std::vector<std::span<const std::uint32_t>> shaders;
  std::uint32_t buffers = 0;                  ///< storage buffers, bound as 0, 1, …
  std::uint32_t parameter_bytes = 0;          ///< of a step; a multiple of 4, and 124 at most
  std::vector<std::uint32_t> constants = {};  ///< of specialization, numbered 0, 1, …
  std::uint32_t slots = 1;                    ///< command buffers that may be queued at a time
};

class VulkanProgram {
 public:
  /// Throws Unsupported where the device has too few buffers a shader.
  VulkanProgram(const Device& device, const VulkanKernels& kernels);
  VulkanProgram(const VulkanProgram&) = delete;
  VulkanProgram& operator=(const VulkanProgram&) = delete;
  ~VulkanProgram();

  /// All steps over the buffers, in the order of their bindings, a set after the other; to be submitted once.
  template <class Body, class Parameters>
  [[nodiscard]] VkCommandBuffer record(std::size_t slot, std::span<const VkDescriptorBufferInfo> buffers,
                                       std::span<const Step<Body, Parameters>> steps) {
    std::vector<Dispatch> dispatches;
    dispatches.reserve(steps.size());
    for (const Step<Body, Parameters>& step : steps) {
      dispatches.push_back({static_cast<std::size_t>(step.body), step.items,
                            std::as_bytes(std::span(&step.parameters, 1)), step.memory});
    }
    return record_all(slot, buffers, dispatches);
  }
  /// The largest buffer that a shader can have.
  [[nodiscard]] std::uint64_t max_bytes() const noexcept { return max_bytes_; }
  /// How long the slot's commands took, when they are done; 0 where the queue has no clock.
  [[nodiscard]] double seconds(std::size_t slot) const;

 private:
  struct Dispatch {
    std::size_t kernel;
    std::uint32_t items;
    std::span<const std::byte> parameters;
    std::size_t set;
  };

  template <class Structure>
  static Structure of(VkStructureType type) {
    Structure made{};
    made.sType = type;
    return made;
  }
  template <class Function>
  [[nodiscard]] Function function(const char* name) const {
    return vulkan::function<Function>(gpu_, name);
  }
  template <class Function, class... Arguments>
  void call(const char* name, Arguments... arguments) const {
    const VkResult result = function<Function>(name)(arguments...);
    if (result == VK_SUCCESS) return;
    if (result == VK_ERROR_DEVICE_LOST) {
      throw DeviceLost(std::string("Vulkan: ") + name + " says that the device is lost",
                       {.name = name, .native_code = result});
    }
    throw DriverError(std::string("Vulkan: ") + name + " failed", {.name = name, .native_code = result});
  }
  void look_at_device(const std::string& user);
  void make_layout();
  [[nodiscard]] VkPipeline make_pipeline(std::span<const std::uint32_t> words,
                                         std::span<const std::uint32_t> constants) const;
  void make_slots();
  /// Adds sets of descriptors to the slot until it has `count`.
  void make_sets(std::size_t slot, std::size_t count);
  void bind(VkDescriptorSet set, std::span<const VkDescriptorBufferInfo> buffers) const;
  [[nodiscard]] VkCommandBuffer record_all(std::size_t slot, std::span<const VkDescriptorBufferInfo> buffers,
                                           std::span<const Dispatch> dispatches);
  void destroy() noexcept;

  const vulkan::Handles gpu_;
  const std::uint32_t buffer_count_, slot_count_;
  const std::uint32_t constant_bytes_;  // pushed for a step: its parameters and the number of its items
  std::uint64_t max_bytes_ = 0;
  double tick_ = 0;          // seconds
  std::uint64_t clock_ = 0;  // the bits of a time stamp that count
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  std::vector<VkPipeline> pipelines_;  // by kernel; null where there is none
  std::vector<VkDescriptorPool> set_pools_;
  VkCommandPool command_pool_ = VK_NULL_HANDLE;
  VkQueryPool stamps_ = VK_NULL_HANDLE;
  std::vector<std::vector<VkDescriptorSet>> sets_;  // by slot, then by the plan's sets of memory
  std::vector<VkCommandBuffer> commands_;
};

}  // namespace weir::compute
