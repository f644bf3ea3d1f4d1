// The part of a Vulkan compute program that has nothing to do with memory: one shader
// over storage buffers and push constants, recorded into one command buffer.
// Used by saxpy_vulkan.cpp; a program would bring its own.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <weir/vulkan.hpp>

class VulkanProgram {
 public:
  VulkanProgram(const weir::vulkan::Handles& handles, std::span<const std::uint32_t> code,
                std::span<const VkDescriptorBufferInfo> buffers, std::uint32_t constant_bytes)
      : gpu_(handles) {
    const auto count = static_cast<std::uint32_t>(buffers.size());
    std::vector<VkDescriptorSetLayoutBinding> bindings;
    for (std::uint32_t i = 0; i < count; ++i) {
      bindings.push_back({i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr});
    }
    auto set = of<VkDescriptorSetLayoutCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
    set.bindingCount = count;
    set.pBindings = bindings.data();
    call<PFN_vkCreateDescriptorSetLayout>("vkCreateDescriptorSetLayout", gpu_.device, &set, nullptr, &set_layout_);
    const VkPushConstantRange constants{VK_SHADER_STAGE_COMPUTE_BIT, 0, constant_bytes};
    auto layout = of<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
    layout.setLayoutCount = 1;
    layout.pSetLayouts = &set_layout_;
    layout.pushConstantRangeCount = 1;
    layout.pPushConstantRanges = &constants;
    call<PFN_vkCreatePipelineLayout>("vkCreatePipelineLayout", gpu_.device, &layout, nullptr, &layout_);
    auto module = of<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
    module.codeSize = code.size_bytes();
    module.pCode = code.data();
    call<PFN_vkCreateShaderModule>("vkCreateShaderModule", gpu_.device, &module, nullptr, &module_);
    auto pipeline = of<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
    pipeline.stage = of<VkPipelineShaderStageCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO);
    pipeline.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    pipeline.stage.module = module_;
    pipeline.stage.pName = "main";
    pipeline.layout = layout_;
    call<PFN_vkCreateComputePipelines>("vkCreateComputePipelines", gpu_.device, VkPipelineCache{VK_NULL_HANDLE}, 1u,
                                       &pipeline, nullptr, &pipeline_);
    bind(buffers);
    auto pool = of<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
    pool.queueFamilyIndex = gpu_.queue_family;
    call<PFN_vkCreateCommandPool>("vkCreateCommandPool", gpu_.device, &pool, nullptr, &commands_);
  }
  VulkanProgram(const VulkanProgram&) = delete;
  VulkanProgram& operator=(const VulkanProgram&) = delete;
  ~VulkanProgram() {
    function<PFN_vkDestroyCommandPool>("vkDestroyCommandPool")(gpu_.device, commands_, nullptr);
    function<PFN_vkDestroyDescriptorPool>("vkDestroyDescriptorPool")(gpu_.device, sets_, nullptr);
    function<PFN_vkDestroyPipeline>("vkDestroyPipeline")(gpu_.device, pipeline_, nullptr);
    function<PFN_vkDestroyShaderModule>("vkDestroyShaderModule")(gpu_.device, module_, nullptr);
    function<PFN_vkDestroyPipelineLayout>("vkDestroyPipelineLayout")(gpu_.device, layout_, nullptr);
    function<PFN_vkDestroyDescriptorSetLayout>("vkDestroyDescriptorSetLayout")(gpu_.device, set_layout_, nullptr);
  }

  /// A command buffer that runs `groups` groups; the program owns it.
  template <class Constants>
  VkCommandBuffer record(const Constants& constants, std::uint32_t groups) {
    auto info = of<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
    info.commandPool = commands_;
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    info.commandBufferCount = 1;
    VkCommandBuffer buffer = VK_NULL_HANDLE;
    call<PFN_vkAllocateCommandBuffers>("vkAllocateCommandBuffers", gpu_.device, &info, &buffer);
    const auto begin = of<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
    call<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer", buffer, &begin);
    function<PFN_vkCmdBindPipeline>("vkCmdBindPipeline")(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline_);
    function<PFN_vkCmdBindDescriptorSets>("vkCmdBindDescriptorSets")(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, layout_, 0,
                                                                     1, &set_, 0, nullptr);
    function<PFN_vkCmdPushConstants>("vkCmdPushConstants")(buffer, layout_, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                                           sizeof(Constants), &constants);
    function<PFN_vkCmdDispatch>("vkCmdDispatch")(buffer, groups, 1, 1);
    call<PFN_vkEndCommandBuffer>("vkEndCommandBuffer", buffer);
    return buffer;
  }

 private:
  template <class Structure>
  static Structure of(VkStructureType type) {
    Structure made{};
    made.sType = type;
    return made;
  }
  template <class Function>
  Function function(const char* name) const {
    return weir::vulkan::function<Function>(gpu_, name);
  }
  template <class Function, class... Arguments>
  void call(const char* name, Arguments... arguments) const {
    if (function<Function>(name)(arguments...) != VK_SUCCESS) throw std::runtime_error(std::string(name) + " failed");
  }

  void bind(std::span<const VkDescriptorBufferInfo> buffers) {
    const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, static_cast<std::uint32_t>(buffers.size())};
    auto pool = of<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
    pool.maxSets = 1;
    pool.poolSizeCount = 1;
    pool.pPoolSizes = &size;
    call<PFN_vkCreateDescriptorPool>("vkCreateDescriptorPool", gpu_.device, &pool, nullptr, &sets_);
    auto info = of<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
    info.descriptorPool = sets_;
    info.descriptorSetCount = 1;
    info.pSetLayouts = &set_layout_;
    call<PFN_vkAllocateDescriptorSets>("vkAllocateDescriptorSets", gpu_.device, &info, &set_);
    auto write = of<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
    write.dstSet = set_;
    write.descriptorCount = static_cast<std::uint32_t>(buffers.size());
    write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    write.pBufferInfo = buffers.data();
    function<PFN_vkUpdateDescriptorSets>("vkUpdateDescriptorSets")(gpu_.device, 1, &write, 0, nullptr);
  }

  const weir::vulkan::Handles gpu_;
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkShaderModule module_ = VK_NULL_HANDLE;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
  VkDescriptorPool sets_ = VK_NULL_HANDLE;
  VkDescriptorSet set_ = VK_NULL_HANDLE;
  VkCommandPool commands_ = VK_NULL_HANDLE;
};
