// One device of the driver, with its primary context: the one that the CUDA
// runtime and every library of the program use too. Every call into the driver
// is made while a Current stands, and its code goes through check() or note(). Once a code
// says that the device is lost, no Current is made any more: another library may take
// the device into use again, under the same handles. Only the context is released still.
#pragma once

#include <atomic>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include <weir/device.hpp>

#include "backend/cuda/driver.hpp"
#include "device/call_counter.hpp"

namespace weir::backend::cuda {

/// What is known of a device without a context; free memory is not.
[[nodiscard]] DeviceInfo describe(const Driver& driver, int ordinal);

/// A function of the driver, as errors name it and as its calls are counted.
struct Call {
  // NOLINTNEXTLINE(google-explicit-constructor): a name alone is a call like most
  constexpr Call(const char* named, device::CallPurpose use = &device::DriverCalls::others)
      : name(named), purpose(use) {}
  const char* name;
  device::CallPurpose purpose;
};

class Context {
 public:
  /// Throws what the driver says where the device cannot be used.
  /// With `peers`, the other devices that can are to use the memory too.
  Context(const Driver& driver, int ordinal, bool peers = false);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();

  [[nodiscard]] const Driver& driver() const noexcept { return driver_; }
  [[nodiscard]] CUdevice device() const noexcept { return device_; }
  [[nodiscard]] CUcontext handle() const noexcept { return handle_; }
  /// What does not change; no call of the driver.
  [[nodiscard]] const DeviceInfo& facts() const noexcept { return info_; }
  /// These, and the free memory.
  [[nodiscard]] DeviceInfo info() const;
  /// The devices that use mapped memory, this one first.
  [[nodiscard]] const std::vector<CUdevice>& users() const noexcept { return users_; }
  /// Whether network cards can reach mapped pages, of those handles that ask for it.
  [[nodiscard]] bool direct_pages() const noexcept { return direct_pages_; }

  /// Throws the error that `code` stands for, with the call, the code's name and the bytes concerned.
  void check(CUresult code, const Call& call, std::uint64_t bytes = 0) const {
    count(call.purpose);
    if (code != CUDA_SUCCESS) [[unlikely]]
      raise(code, call.name, bytes);
  }
  /// The same for a call that another context takes part in: what it says of a loss is this device's only where a call
  /// in this context alone says so too. While a Current stands.
  void check_shared(CUresult code, const Call& call, std::uint64_t bytes = 0) const;
  /// Throws DeviceLost on a lost device.
  void require_present() const {
    if (lost()) refuse();
  }
  /// For what gives things back and cannot fail: remembered, and told with the next error that is thrown.
  void note(CUresult code, const Call& call) const noexcept;
  [[nodiscard]] bool lost() const noexcept { return lost_.load(std::memory_order_relaxed); }
  /// Releases a lost device's context early, so that the driver makes a new one unless another library holds it; false
  /// for one that is not lost.
  bool let_go() noexcept;
  void count(device::CallPurpose purpose) const noexcept { calls_.add(purpose); }
  [[nodiscard]] device::DriverCalls calls() const noexcept { return calls_.seen(); }

 private:
  friend class Current;
  void add_peers();
  [[noreturn]] void refuse() const;
  void remember(CUresult code, const char* call) const noexcept;
  [[nodiscard]] std::string failed(CUresult code, const char* call, std::uint64_t bytes) const;
  [[noreturn]] void raise(CUresult code, const char* call, std::uint64_t bytes) const;

  const Driver& driver_;
  CUdevice device_ = 0;
  CUcontext handle_ = nullptr;
  DeviceInfo info_;
  std::vector<CUdevice> users_;
  bool direct_pages_ = false;
  mutable device::CallCounter calls_;
  mutable std::atomic<bool> lost_{false};
  std::atomic<bool> released_{false};
  mutable std::atomic<int> late_code_{0};
  mutable std::atomic<const char*> late_call_{nullptr};
};

/// While one lives, the calling thread is the driver's, which calls a host function there and allows no calls.
class OnDriverThread {
 public:
  OnDriverThread() noexcept;
  ~OnDriverThread();
  OnDriverThread(const OnDriverThread&) = delete;
  OnDriverThread& operator=(const OnDriverThread&) = delete;
};

/// Makes the context the thread's for as long as it stands; what the thread had comes back. Meanwhile the thread's
/// calls do not break a graph capture that is under way elsewhere.
class Current {
 public:
  /// Throws DeviceLost on a lost device and past main(), where the driver may be gone; Unsupported on a thread of the
  /// driver's; what the driver says.
  explicit Current(const Context& context);
  /// For what gives things back and cannot fail: false where no call may be made, which is noted.
  Current(const Context& context, const std::nothrow_t&) noexcept;
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;
  ~Current();
  explicit operator bool() const noexcept { return stands_; }

 private:
  struct Failure {
    CUresult code = CUDA_SUCCESS;
    const char* call = "";
  };
  [[nodiscard]] Failure enter() noexcept;
  void leave() noexcept;

  const Context& context_;
  bool pushed_ = false;
  bool stands_ = false;
  CUstreamCaptureMode mode_ = CU_STREAM_CAPTURE_MODE_RELAXED;
};

}  // namespace weir::backend::cuda
