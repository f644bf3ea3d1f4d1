// An opened device: its functions, its queues, and whether it is lost. Shared by
// the parts of the backend, which end before it. Every VkResult goes through
// require(), so that a lost device is noticed wherever it first shows.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "backend/vulkan/errors.hpp"
#include "backend/vulkan/instance.hpp"
#include "device/call_counter.hpp"

namespace weir::backend::vulkan {

/// Which queues: for shaders, copies, or binding. One may be of several kinds.
enum class QueueKind : std::uint8_t { work, copy, bind };
inline constexpr std::size_t queue_kinds = 3;

/// A queue of the device's, and the lock under which it is called, as it takes one caller at a time. While that is
/// held only what when_lost() calls locks more.
struct Queue {
  VkQueue handle = VK_NULL_HANDLE;
  std::uint32_t family = 0;
  std::uint32_t number = 0;  ///< in its family
  std::mutex mutex;
};

class Gpu {
 public:
  Gpu(std::unique_ptr<Instance> instance, Adapter adapter);
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  [[nodiscard]] Functions& vk() const noexcept { return instance_->functions(); }
  [[nodiscard]] const Adapter& adapter() const noexcept { return adapter_; }
  [[nodiscard]] Instance& instance() const noexcept { return *instance_; }
  [[nodiscard]] VkDevice device() const noexcept { return device_; }
  /// Of the queues of a kind the one for `turn`, a number that streams count up.
  [[nodiscard]] Queue& queue(QueueKind kind, std::uint32_t turn = 0) const noexcept {
    const auto& all = by_kind_[static_cast<std::size_t>(kind)];
    return *all[turn % all.size()];
  }
  [[nodiscard]] std::uint32_t family(QueueKind kind) const noexcept;
  /// The families whose queues touch buffers.
  [[nodiscard]] std::span<const std::uint32_t> families() const noexcept { return families_; }

  /// Calls a function of the device; throws for a result below zero, with `bytes` in the message unless 0.
  template <class Pointer, class... Arguments>
  VkResult require_for(std::uint64_t bytes, const Function<Pointer>& function, Arguments... arguments) const {
    const VkResult result = function(arguments...);
    require_result(result, function, bytes);
    return result;
  }
  /// The same for a result that a function of the device gave.
  template <class Pointer>
  void require_result(VkResult result, const Function<Pointer>& function, std::uint64_t bytes = 0) const {
    if (result >= 0) return;
    if (result == VK_ERROR_DEVICE_LOST) note_lost();
    fail(result, function.name(), bytes);
  }
  template <class Pointer, class... Arguments>
  VkResult require(const Function<Pointer>& function, Arguments... arguments) const {
    return require_for(0, function, arguments...);
  }

  /// Notes what calls are for that a function's name does not tell.
  void count(device::CallPurpose purpose, std::uint64_t calls = 1) const noexcept { calls_.add(purpose, calls); }
  /// Those noted, those about semaphores as events, and the rest of what went through vk().
  [[nodiscard]] device::DriverCalls calls() const noexcept;

  [[nodiscard]] bool lost() const noexcept { return lost_.load(std::memory_order_acquire); }
  /// Called once, when the device is lost, on the thread that notices it; null for nothing.
  void when_lost(std::function<void()> call) { when_lost_ = std::move(call); }
  /// Throws DeviceLost once the device is lost: nothing is asked of the driver any more.
  void require_alive() const {
    if (lost()) fail(VK_ERROR_DEVICE_LOST, "a call to the device");
  }

  /// Names an object for debuggers and profilers, where one listens.
  void name(VkObjectType type, std::uint64_t object, const std::string& name) const noexcept;

 private:
  void open();
  void take_queues(QueueKind kind, std::uint32_t first, std::uint32_t count);
  void note_lost() const noexcept;

  const std::unique_ptr<Instance> instance_;
  const Adapter adapter_;
  VkDevice device_ = VK_NULL_HANDLE;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::array<std::vector<Queue*>, queue_kinds> by_kind_;
  std::vector<std::uint32_t> families_;
  mutable std::atomic<bool> lost_{false};
  std::function<void()> when_lost_;
  mutable device::CallCounter calls_;
};

/// The number of a handle, for names.
template <class Handle>
[[nodiscard]] std::uint64_t number_of(Handle handle) noexcept {
  return reinterpret_cast<std::uint64_t>(handle);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

}  // namespace weir::backend::vulkan
