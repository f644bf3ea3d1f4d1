// One device of the driver, with its primary context: the one that the CUDA
// runtime and every library of the program use too. Every call into the driver
// is made while a Current stands, and its code goes through check().
#pragma once

#include <atomic>
#include <cstdint>

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
  Context(const Driver& driver, int ordinal);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();

  [[nodiscard]] const Driver& driver() const noexcept { return driver_; }
  [[nodiscard]] CUdevice device() const noexcept { return device_; }
  [[nodiscard]] CUcontext handle() const noexcept { return handle_; }
  [[nodiscard]] DeviceInfo info() const;

  /// Throws the error that `code` stands for, with the call, the code's name and the bytes concerned.
  void check(CUresult code, const Call& call, std::uint64_t bytes = 0) const {
    count(call.purpose);
    if (code != CUDA_SUCCESS) [[unlikely]]
      raise(code, call.name, bytes);
  }
  /// For what gives things back and cannot fail: remembered, and told with the next error that is thrown.
  void note(CUresult code, const Call& call) const noexcept;
  void count(device::CallPurpose purpose) const noexcept { calls_.add(purpose); }
  [[nodiscard]] device::DriverCalls calls() const noexcept { return calls_.seen(); }

  /// Throws DeviceLost past main(), where the driver must not be called.
  void require_usable() const {
    if (exiting()) [[unlikely]]
      refuse();
  }

 private:
  [[noreturn]] void refuse() const;
  [[noreturn]] void raise(CUresult code, const char* call, std::uint64_t bytes) const;

  const Driver& driver_;
  CUdevice device_ = 0;
  CUcontext handle_ = nullptr;
  DeviceInfo info_;
  mutable device::CallCounter calls_;
  mutable std::atomic<int> late_code_{0};
  mutable std::atomic<const char*> late_call_{nullptr};
};

/// Makes the context the thread's for as long as it stands; what the thread had comes back. Meanwhile the thread's
/// calls do not break a graph capture that is under way elsewhere.
class Current {
 public:
  explicit Current(const Context& context);
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;
  ~Current();

 private:
  const Driver& driver_;
  bool pushed_ = false;
  bool exchanged_ = false;
  CUstreamCaptureMode mode_ = CU_STREAM_CAPTURE_MODE_RELAXED;
};

}  // namespace weir::backend::cuda
