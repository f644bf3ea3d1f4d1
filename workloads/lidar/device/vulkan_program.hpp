// The Vulkan side of the chunk's kernels that has nothing to do with point clouds: pipelines over ten storage buffers,
// and for each slot a set of descriptors, a command buffer and two time stamps. Commands are recorded anew for each
// chunk, when the slot's last ones are done. Used by the Vulkan computer.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <weir/vulkan.hpp>
#include <weir/weir.hpp>

#include "plan.hpp"

namespace weir::lidar::bodies {

inline constexpr std::size_t buffer_count = 10;

class VulkanProgram {
 public:
  /// `max_best` is the length of a query's heap; without `heights` there is no find_height. Throws Unsupported where
  /// the device has too few buffers a shader.
  VulkanProgram(const Device& device, Precision precision, std::uint32_t max_best, bool heights);
  VulkanProgram(const VulkanProgram&) = delete;
  VulkanProgram& operator=(const VulkanProgram&) = delete;
  ~VulkanProgram();

  /// All steps over the buffers, in the order of chunk.comp's bindings; to be submitted once.
  [[nodiscard]] VkCommandBuffer record(std::size_t slot, std::span<const VkDescriptorBufferInfo, buffer_count> buffers,
                                       std::span<const Step> steps);
  /// The largest buffer that a shader can have.
  [[nodiscard]] std::uint64_t max_bytes() const noexcept { return max_bytes_; }
  /// How long the slot's commands took, when they are done; 0 where the queue has no clock.
  [[nodiscard]] double seconds(std::size_t slot) const;

 private:
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
    throw DriverError(std::string("Vulkan: ") + name + " failed", {.name = name, .native_code = result});
  }
  void look_at_device();
  void make_layout();
  void make_pipeline(Body body, Precision precision, std::uint32_t max_best);
  void make_slots();
  void bind(VkDescriptorSet set, std::span<const VkDescriptorBufferInfo, buffer_count> buffers) const;
  void destroy() noexcept;

  const vulkan::Handles gpu_;
  std::uint64_t max_bytes_ = 0;
  double tick_ = 0;          // seconds
  std::uint64_t clock_ = 0;  // the bits of a time stamp that count
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  std::array<VkPipeline, body_count> pipelines_{};
  VkDescriptorPool set_pool_ = VK_NULL_HANDLE;
  VkCommandPool command_pool_ = VK_NULL_HANDLE;
  VkQueryPool stamps_ = VK_NULL_HANDLE;
  std::array<VkDescriptorSet, ChunkComputer::slots> sets_{};
  std::array<VkCommandBuffer, ChunkComputer::slots> commands_{};
};

}  // namespace weir::lidar::bodies
