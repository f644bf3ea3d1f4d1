#include "compute/vulkan_program.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::compute {
namespace {

constexpr std::uint32_t group_items = 64;      // as parameters.glsl has it
constexpr std::uint32_t max_groups_x = 32768;  // of a dispatch; devices take 65535 at least
constexpr std::uint32_t max_constants = 128;   // bytes; no device has fewer

}  // namespace

VulkanProgram::VulkanProgram(const Device& device, const VulkanKernels& kernels)
    : gpu_(vulkan::handles(device)),
      buffer_count_(kernels.buffers),
      slot_count_(kernels.slots),
      constant_bytes_(kernels.parameter_bytes + static_cast<std::uint32_t>(sizeof(std::uint32_t))),
      pipelines_(kernels.shaders.size(), VK_NULL_HANDLE) {
  if (constant_bytes_ > max_constants) {
    throw InvalidArgument(kernels.user + ": the parameters of a kernel have " +
                              std::to_string(kernels.parameter_bytes) + " bytes; at most 124",
                          {.name = "parameters", .limit = max_constants - sizeof(std::uint32_t)});
  }
  try {
    look_at_device(kernels.user);
    make_layout();
    for (std::size_t i = 0; i < pipelines_.size(); ++i) {
      if (!kernels.shaders[i].empty()) pipelines_[i] = make_pipeline(kernels.shaders[i], kernels.constants);
    }
    make_slots();
  } catch (...) {
    destroy();
    throw;
  }
}

VulkanProgram::~VulkanProgram() { destroy(); }

void VulkanProgram::destroy() noexcept {
  function<PFN_vkDestroyQueryPool>("vkDestroyQueryPool")(gpu_.device, stamps_, nullptr);
  function<PFN_vkDestroyCommandPool>("vkDestroyCommandPool")(gpu_.device, command_pool_, nullptr);
  for (VkDescriptorPool pool : set_pools_) {
    function<PFN_vkDestroyDescriptorPool>("vkDestroyDescriptorPool")(gpu_.device, pool, nullptr);
  }
  for (VkPipeline pipeline : pipelines_) {
    function<PFN_vkDestroyPipeline>("vkDestroyPipeline")(gpu_.device, pipeline, nullptr);
  }
  function<PFN_vkDestroyPipelineLayout>("vkDestroyPipelineLayout")(gpu_.device, layout_, nullptr);
  function<PFN_vkDestroyDescriptorSetLayout>("vkDestroyDescriptorSetLayout")(gpu_.device, set_layout_, nullptr);
}

void VulkanProgram::look_at_device(const std::string& user) {
  const auto of_instance = [&](const char* name) { return gpu_.get_instance_proc_addr(gpu_.instance, name); };
  VkPhysicalDeviceProperties properties{};
  reinterpret_cast<PFN_vkGetPhysicalDeviceProperties>(of_instance("vkGetPhysicalDeviceProperties"))(
      gpu_.physical_device, &properties);
  const std::uint32_t most = properties.limits.maxPerStageDescriptorStorageBuffers;
  if (most < buffer_count_) {
    throw Unsupported(std::string(static_cast<const char*>(properties.deviceName)) + ": shaders have " +
                          std::to_string(most) + " storage buffers; " + user + " need " + std::to_string(buffer_count_),
                      {.name = "maxPerStageDescriptorStorageBuffers", .limit = most});
  }
  max_bytes_ = properties.limits.maxStorageBufferRange;
  const auto families = reinterpret_cast<PFN_vkGetPhysicalDeviceQueueFamilyProperties>(
      of_instance("vkGetPhysicalDeviceQueueFamilyProperties"));
  std::uint32_t count = 0;
  families(gpu_.physical_device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> all(count);
  families(gpu_.physical_device, &count, all.data());
  const std::uint32_t bits = all.at(gpu_.queue_family).timestampValidBits;
  if (bits == 0) return;
  clock_ = bits >= 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1;
  tick_ = static_cast<double>(properties.limits.timestampPeriod) * 1e-9;
}

void VulkanProgram::make_layout() {
  std::vector<VkDescriptorSetLayoutBinding> bindings(buffer_count_);
  for (std::uint32_t i = 0; i < buffer_count_; ++i) {
    bindings[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  }
  auto set = of<VkDescriptorSetLayoutCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
  set.bindingCount = buffer_count_;
  set.pBindings = bindings.data();
  call<PFN_vkCreateDescriptorSetLayout>("vkCreateDescriptorSetLayout", gpu_.device, &set, nullptr, &set_layout_);
  const VkPushConstantRange constants{VK_SHADER_STAGE_COMPUTE_BIT, 0, constant_bytes_};
  auto layout = of<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  layout.setLayoutCount = 1;
  layout.pSetLayouts = &set_layout_;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &constants;
  call<PFN_vkCreatePipelineLayout>("vkCreatePipelineLayout", gpu_.device, &layout, nullptr, &layout_);
}

VkPipeline VulkanProgram::make_pipeline(std::span<const std::uint32_t> words,
                                        std::span<const std::uint32_t> constants) const {
  auto info = of<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
  info.codeSize = words.size_bytes();
  info.pCode = words.data();
  VkShaderModule module = VK_NULL_HANDLE;
  call<PFN_vkCreateShaderModule>("vkCreateShaderModule", gpu_.device, &info, nullptr, &module);
  std::vector<VkSpecializationMapEntry> entries;
  for (std::uint32_t i = 0; i < constants.size(); ++i) {
    entries.push_back({i, i * static_cast<std::uint32_t>(sizeof(std::uint32_t)), sizeof(std::uint32_t)});
  }
  const VkSpecializationInfo special{static_cast<std::uint32_t>(entries.size()), entries.data(), constants.size_bytes(),
                                     constants.data()};
  auto pipeline = of<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
  pipeline.stage = of<VkPipelineShaderStageCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO);
  pipeline.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  pipeline.stage.module = module;
  pipeline.stage.pName = "main";
  pipeline.stage.pSpecializationInfo = &special;
  pipeline.layout = layout_;
  VkPipeline made = VK_NULL_HANDLE;
  const VkResult result = function<PFN_vkCreateComputePipelines>("vkCreateComputePipelines")(
      gpu_.device, VK_NULL_HANDLE, 1, &pipeline, nullptr, &made);
  function<PFN_vkDestroyShaderModule>("vkDestroyShaderModule")(gpu_.device, module, nullptr);
  if (result != VK_SUCCESS) {
    throw DriverError("Vulkan: vkCreateComputePipelines failed",
                      {.name = "vkCreateComputePipelines", .native_code = result});
  }
  return made;
}

void VulkanProgram::make_slots() {
  sets_.resize(slot_count_);
  commands_.resize(slot_count_);
  auto commands = of<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
  commands.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  commands.queueFamilyIndex = gpu_.queue_family;
  call<PFN_vkCreateCommandPool>("vkCreateCommandPool", gpu_.device, &commands, nullptr, &command_pool_);
  auto buffers = of<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
  buffers.commandPool = command_pool_;
  buffers.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  buffers.commandBufferCount = slot_count_;
  call<PFN_vkAllocateCommandBuffers>("vkAllocateCommandBuffers", gpu_.device, &buffers, commands_.data());
  if (clock_ == 0) return;
  auto stamps = of<VkQueryPoolCreateInfo>(VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO);
  stamps.queryType = VK_QUERY_TYPE_TIMESTAMP;
  stamps.queryCount = 2 * slot_count_;
  call<PFN_vkCreateQueryPool>("vkCreateQueryPool", gpu_.device, &stamps, nullptr, &stamps_);
}

void VulkanProgram::make_sets(std::size_t slot, std::size_t count) {
  std::vector<VkDescriptorSet>& sets = sets_[slot];
  if (sets.size() >= count) return;
  const auto more = static_cast<std::uint32_t>(count - sets.size());
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, more * buffer_count_};
  auto pool = of<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
  pool.maxSets = more;
  pool.poolSizeCount = 1;
  pool.pPoolSizes = &size;
  set_pools_.reserve(set_pools_.size() + 1);
  VkDescriptorPool made = VK_NULL_HANDLE;
  call<PFN_vkCreateDescriptorPool>("vkCreateDescriptorPool", gpu_.device, &pool, nullptr, &made);
  set_pools_.push_back(made);
  const std::vector<VkDescriptorSetLayout> layouts(more, set_layout_);
  auto asked = of<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
  asked.descriptorPool = made;
  asked.descriptorSetCount = more;
  asked.pSetLayouts = layouts.data();
  std::vector<VkDescriptorSet> found(more, VK_NULL_HANDLE);
  call<PFN_vkAllocateDescriptorSets>("vkAllocateDescriptorSets", gpu_.device, &asked, found.data());
  sets.insert(sets.end(), found.begin(), found.end());
}

void VulkanProgram::bind(VkDescriptorSet set, std::span<const VkDescriptorBufferInfo> buffers) const {
  auto write = of<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
  write.dstSet = set;
  write.descriptorCount = 1;
  write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
  std::vector<VkWriteDescriptorSet> writes(buffer_count_, write);
  for (std::uint32_t i = 0; i < buffer_count_; ++i) {
    writes[i].dstBinding = i;
    writes[i].pBufferInfo = &buffers[i];
  }
  function<PFN_vkUpdateDescriptorSets>("vkUpdateDescriptorSets")(gpu_.device, buffer_count_, writes.data(), 0, nullptr);
}

VkCommandBuffer VulkanProgram::record_all(std::size_t slot, std::span<const VkDescriptorBufferInfo> buffers,
                                          std::span<const Dispatch> dispatches) {
  if (buffers.empty() || buffers.size() % buffer_count_ != 0) {
    throw InvalidArgument("the number of buffers differs from that of the program's kernels");
  }
  VkCommandBuffer commands = commands_.at(slot);
  const auto first_stamp = static_cast<std::uint32_t>(2 * slot);
  const std::size_t sets = buffers.size() / buffer_count_;
  make_sets(slot, sets);
  for (std::size_t i = 0; i < sets; ++i) bind(sets_[slot][i], buffers.subspan(i * buffer_count_, buffer_count_));
  auto begin = of<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  call<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer", commands, &begin);
  const auto stamp = function<PFN_vkCmdWriteTimestamp>("vkCmdWriteTimestamp");
  if (clock_ != 0) {
    function<PFN_vkCmdResetQueryPool>("vkCmdResetQueryPool")(commands, stamps_, first_stamp, 2);
    stamp(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, stamps_, first_stamp);
  }
  const auto bind_set = function<PFN_vkCmdBindDescriptorSets>("vkCmdBindDescriptorSets");
  std::size_t bound = sets;  // none
  const auto use = function<PFN_vkCmdBindPipeline>("vkCmdBindPipeline");
  const auto push = function<PFN_vkCmdPushConstants>("vkCmdPushConstants");
  const auto dispatch = function<PFN_vkCmdDispatch>("vkCmdDispatch");
  const auto barrier = function<PFN_vkCmdPipelineBarrier>("vkCmdPipelineBarrier");
  auto after = of<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  after.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
  after.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
  std::array<std::byte, max_constants> constants{};
  for (const Dispatch& step : dispatches) {
    if (step.parameters.size() + sizeof(step.items) != constant_bytes_) {
      throw InvalidArgument("the size of a step's parameters differs from that of its program");
    }
    std::memcpy(constants.data(), step.parameters.data(), step.parameters.size());
    std::memcpy(constants.data() + step.parameters.size(), &step.items, sizeof(step.items));
    if (step.set != bound) {
      bind_set(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout_, 0, 1, &sets_[slot].at(step.set), 0, nullptr);
      bound = step.set;
    }
    use(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipelines_.at(step.kernel));
    push(commands, layout_, VK_SHADER_STAGE_COMPUTE_BIT, 0, constant_bytes_, constants.data());
    const std::uint32_t groups = (step.items + group_items - 1) / group_items;
    const std::uint32_t rows = (groups + max_groups_x - 1) / max_groups_x;
    dispatch(commands, std::min(groups, max_groups_x), rows, 1);
    barrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &after, 0,
            nullptr, 0, nullptr);
  }
  if (clock_ != 0) stamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, stamps_, first_stamp + 1);
  call<PFN_vkEndCommandBuffer>("vkEndCommandBuffer", commands);
  return commands;
}

double VulkanProgram::seconds(std::size_t slot) const {
  if (clock_ == 0) return 0;
  std::array<std::uint64_t, 2> stamps{};
  call<PFN_vkGetQueryPoolResults>("vkGetQueryPoolResults", gpu_.device, stamps_, static_cast<std::uint32_t>(2 * slot),
                                  2U, sizeof(stamps), stamps.data(), sizeof(std::uint64_t),
                                  VkQueryResultFlags{VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT});
  return static_cast<double>((stamps[1] - stamps[0]) & clock_) * tick_;
}

}  // namespace weir::compute
