// What the opaque handles of the C interface stand for: objects of the C++ API, on the
// heap. Devices and streams are held by their address, pools by a number of PoolTable.
#pragma once

#include <string>

#include <weir/weir.h>
#include <weir/device.hpp>
#include <weir/log.hpp>
#include <weir/pool.hpp>

namespace weir::capi {

/// Passes records on to a C callback; silent without one.
class CallbackSink final : public LogSink {
 public:
  CallbackSink(weir_log_callback callback, void* user, LogLevel level, std::string pool)
      : callback_(callback), user_(user), level_(level), pool_(std::move(pool)) {}
  [[nodiscard]] LogLevel level() const noexcept override { return level_; }
  void write(const LogRecord& record) noexcept override;

 private:
  weir_log_callback callback_;
  void* user_;
  LogLevel level_;
  std::string pool_;  // the record's own name need not end with a zero byte
};

struct HeldPool {
  HeldPool(Device device, PoolOptions options, const weir_pool_options& given);
  HeldPool(const HeldPool&) = delete;
  HeldPool& operator=(const HeldPool&) = delete;

  CallbackSink sink;  ///< the pool writes to it to its end
  Pool pool;
};

}  // namespace weir::capi

// NOLINTBEGIN(readability-identifier-naming): named in C
struct weir_device {
  weir::Device device;
  weir::DeviceInfo info;  ///< when opened; its strings are what callers are given
};

struct weir_stream {
  weir::Device device;
  weir::Stream stream;
};
// NOLINTEND(readability-identifier-naming)
