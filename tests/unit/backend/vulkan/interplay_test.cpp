// <weir/vulkan.hpp>: a program's own commands on weir's memory, in weir's order.
#include <gtest/gtest.h>

#include <weir/vulkan.hpp>
#include <weir/weir.hpp>

#include "open_backend.hpp"

namespace weir {
namespace {

using namespace weir::literals;

class VulkanInterplay : public testing::Test {
 protected:
  void SetUp() override {
    WEIR_NEEDS_BACKEND("vulkan");
    device_.emplace(open_device({.backend = "vulkan"}));
    handles_ = vulkan::handles(*device_);
    VkCommandPoolCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    info.queueFamilyIndex = handles_.queue_family;
    ASSERT_EQ(of<PFN_vkCreateCommandPool>("vkCreateCommandPool")(handles_.device, &info, nullptr, &pool_), VK_SUCCESS);
  }
  void TearDown() override {
    if (device_) of<PFN_vkDestroyCommandPool>("vkDestroyCommandPool")(handles_.device, pool_, nullptr);
  }
  template <class Function>
  Function of(const char* name) {
    return vulkan::function<Function>(handles_, name);
  }
  /// A command buffer that fills the place.
  VkCommandBuffer filling(const vulkan::Location& place, std::uint64_t bytes, std::uint32_t word) {
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkCommandBufferAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    info.commandPool = pool_;
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    info.commandBufferCount = 1;
    EXPECT_EQ(of<PFN_vkAllocateCommandBuffers>("vkAllocateCommandBuffers")(handles_.device, &info, &commands),
              VK_SUCCESS);
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    EXPECT_EQ(of<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(commands, &begin), VK_SUCCESS);
    of<PFN_vkCmdFillBuffer>("vkCmdFillBuffer")(commands, place.buffer, place.offset, bytes, word);
    EXPECT_EQ(of<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(commands), VK_SUCCESS);
    return commands;
  }

  std::optional<Device> device_;
  vulkan::Handles handles_{};
  VkCommandPool pool_ = VK_NULL_HANDLE;
};

TEST_F(VulkanInterplay, CommandsOfTheProgramRunInTheOrderOfTheirStream) {
  MemoryManager memory(*device_, {.pool = {.limit = 64_MiB}});
  const Stream stream = device_->stream();
  auto numbers = memory.create<std::uint32_t>("numbers", std::vector<std::uint32_t>(10'000, 1), {}, stream);
  const auto all = numbers.access(stream);
  const vulkan::Location place = vulkan::locate(*device_, all.data() + 1000, 4000);
  vulkan::submit(*device_, stream, filling(place, 4000, 2));
  memory.upload(numbers, std::vector<std::uint32_t>{3}, stream, {.offset = 1500});
  const std::vector<std::uint32_t> back = memory.download(numbers, stream);
  EXPECT_EQ(back[999], 1u);
  EXPECT_EQ(back[1000], 2u);
  EXPECT_EQ(back[1500], 3u);
  EXPECT_EQ(back[1999], 2u);
  EXPECT_EQ(back[2000], 1u);
}

TEST_F(VulkanInterplay, ASubmissionOfTheProgramsWaitsAndIsWaitedFor) {
  MemoryManager memory(*device_, {.pool = {.limit = 64_MiB}});
  const Stream stream = device_->stream();
  auto numbers = memory.create<std::uint32_t>("numbers", std::vector<std::uint32_t>(1000, 1), {}, stream);
  const vulkan::TimelinePoint before = vulkan::timeline_point(*device_, stream);
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  info.pNext = &type;
  vulkan::TimelinePoint after{VK_NULL_HANDLE, 7};
  ASSERT_EQ(of<PFN_vkCreateSemaphore>("vkCreateSemaphore")(handles_.device, &info, nullptr, &after.semaphore),
            VK_SUCCESS);
  const VkCommandBuffer commands = filling(vulkan::locate(*device_, numbers.access(stream).data(), 4000), 4000, 9);
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  VkTimelineSemaphoreSubmitInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  timeline.waitSemaphoreValueCount = timeline.signalSemaphoreValueCount = 1;
  timeline.pWaitSemaphoreValues = &before.value;
  timeline.pSignalSemaphoreValues = &after.value;
  VkSubmitInfo submit{};
  submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submit.pNext = &timeline;
  submit.waitSemaphoreCount = submit.signalSemaphoreCount = submit.commandBufferCount = 1;
  submit.pWaitSemaphores = &before.semaphore;
  submit.pWaitDstStageMask = &stage;
  submit.pCommandBuffers = &commands;
  submit.pSignalSemaphores = &after.semaphore;
  {
    const auto held = vulkan::hold_queues(*device_);
    ASSERT_EQ(of<PFN_vkQueueSubmit>("vkQueueSubmit")(handles_.queue, 1, &submit, VK_NULL_HANDLE), VK_SUCCESS);
  }
  vulkan::wait_for(*device_, stream, after);
  EXPECT_EQ(memory.download(numbers, stream), std::vector<std::uint32_t>(1000, 9));
  {
    // Mesa looks at a semaphore once more after what waited for it is done.
    const auto held = vulkan::hold_queues(*device_);
    ASSERT_EQ(of<PFN_vkQueueWaitIdle>("vkQueueWaitIdle")(handles_.queue), VK_SUCCESS);
  }
  of<PFN_vkDestroySemaphore>("vkDestroySemaphore")(handles_.device, after.semaphore, nullptr);
}

TEST_F(VulkanInterplay, APlaceIsInOneBuffer) {
  Pool pool(*device_);
  void* const block = pool.allocate(5000);
  const vulkan::Location place = vulkan::locate(*device_, block, 5000);
  EXPECT_NE(place.buffer, VkBuffer{VK_NULL_HANDLE});
  EXPECT_EQ(place.offset % 512, 0u);
  const VkDescriptorBufferInfo bound = vulkan::storage_buffer(*device_, block, 4999);
  EXPECT_EQ(bound.buffer, place.buffer);
  EXPECT_EQ(bound.offset, place.offset);
  EXPECT_EQ(bound.range, 5000u);
  EXPECT_THROW(static_cast<void>(vulkan::locate(*device_, &pool)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(vulkan::storage_buffer(*device_, block, 0)), InvalidArgument);
  // Descriptors start at multiples of what the device says, at most 256 bytes.
  EXPECT_NO_THROW(static_cast<void>(vulkan::storage_buffer(*device_, static_cast<char*>(block) + 256, 100)));
  VkPhysicalDeviceProperties properties{};
  reinterpret_cast<PFN_vkGetPhysicalDeviceProperties>(handles_.get_instance_proc_addr(
      handles_.instance, "vkGetPhysicalDeviceProperties"))(handles_.physical_device, &properties);
  if (properties.limits.minStorageBufferOffsetAlignment > 1) {
    EXPECT_THROW(static_cast<void>(vulkan::storage_buffer(*device_, static_cast<char*>(block) + 1, 100)),
                 InvalidArgument);
  }
  EXPECT_THROW(static_cast<void>(vulkan::storage_buffer(*device_, block, std::uint64_t{1} << 40)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(vulkan::handles(open_device({.backend = "host"}))), Unsupported);
  pool.deallocate(block);
}

// For tests/validation.cmake: the validation layer has something to say about this.
TEST_F(VulkanInterplay, DISABLED_ABreachOfVulkansRules) {
  Pool pool(*device_);
  void* const block = pool.allocate(5000);
  vulkan::Location place = vulkan::locate(*device_, block, 5000);
  place.offset += 1;  // fills start at a multiple of 4
  static_cast<void>(filling(place, 4000, 2));
  pool.deallocate(block);
}

}  // namespace
}  // namespace weir
