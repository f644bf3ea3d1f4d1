// Plans on a Vulkan device: one command buffer a plan, submitted in the order of the stream, of a few that are used in
// turn; before one is recorded anew, what it held is waited for. Used by the workloads' makers of runners.
#pragma once

#include <array>
#include <utility>

#include "compute/runner.hpp"
#include "compute/shaders.hpp"
#include "compute/vulkan_program.hpp"

namespace weir::compute {

template <class Kernels>
class VulkanRunner final : public Runner<Kernels> {
 public:
  /// `user` says whose kernels they are, for errors. Throws Unsupported where the device has too few buffers a shader.
  VulkanRunner(const Device& device, std::string user, std::span<const Shader> shaders,
               Precision precision = Precision::floats)
      : device_(device),
        program_(device_, kernels_of(std::move(user), shaders, precision)),
        wait_(vulkan::function<PFN_vkWaitSemaphores>(vulkan::handles(device_), "vkWaitSemaphores")) {}
  ~VulkanRunner() override {
    for (const vulkan::TimelinePoint& each : last_) static_cast<void>(passed(each));
  }

  [[nodiscard]] std::string name() const override { return "vulkan"; }
  void queue(std::span<const typename Runner<Kernels>::PlanStep> steps, Bindings memory, StreamId stream) override {
    const std::size_t slot = next_;
    if (!passed(last_.at(slot))) {
      throw Timeout("Vulkan: what was queued before did not end within 60 s", {.name = "vkWaitSemaphores"});
    }
    for (const auto& step : steps) require_set<Kernels>(memory, step.memory);
    std::vector<VkDescriptorBufferInfo> buffers;
    buffers.reserve(memory.size());
    for (const DeviceSpan<std::byte>& each : memory) buffers.push_back(vulkan::storage_buffer(device_, each));
    vulkan::submit(device_, stream, program_.record(slot, buffers, steps));
    last_.at(slot) = vulkan::timeline_point(device_, stream);
    next_ = (slot + 1) % slots;
  }

 private:
  static constexpr std::uint32_t slots = 4;
  static constexpr std::uint64_t longest_wait = 60'000'000'000;  // ns

  static VulkanKernels kernels_of(std::string user, std::span<const Shader> shaders, Precision precision) {
    VulkanKernels kernels{.user = std::move(user),
                          .shaders = {},
                          .buffers = static_cast<std::uint32_t>(Kernels::bindings),
                          .parameter_bytes = sizeof(typename Kernels::Parameters),
                          .slots = slots};
    for (const Shader& shader : shaders) kernels.shaders.push_back(shader.of(precision));
    return kernels;
  }
  [[nodiscard]] bool passed(const vulkan::TimelinePoint& point) const {
    if (point.semaphore == VK_NULL_HANDLE) return true;
    VkSemaphoreWaitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
    info.semaphoreCount = 1;
    info.pSemaphores = &point.semaphore;
    info.pValues = &point.value;
    return wait_(vulkan::handles(device_).device, &info, longest_wait) != VK_TIMEOUT;
  }

  Device device_;
  VulkanProgram program_;
  PFN_vkWaitSemaphores wait_;
  std::array<vulkan::TimelinePoint, slots> last_{};
  std::size_t next_ = 0;
};

}  // namespace weir::compute
