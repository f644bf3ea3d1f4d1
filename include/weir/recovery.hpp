// Going on after a device was lost: how MemoryManager::recover() opens it again, and what it says of the buffers. Every
// call on a lost device, its pool, streams and transfers throws DeviceLost, also those that other threads are waiting
// in; what they gave ends without waiting. But an allocation that the pool's free memory serves asks the device for
// nothing, and does not notice.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <weir/buffer.hpp>
#include <weir/stream.hpp>

namespace weir {

struct RecoveryOptions {
  /// Attempts to open a device and to bring the buffers back there: at the lost one, then at each of the others. 1 to
  /// 100.
  unsigned attempts = 3;
  /// The pause before the second attempt at a device; it doubles each time, up to a minute. Real time, not negative.
  std::chrono::nanoseconds back_off = std::chrono::milliseconds(100);
  /// Whether the other devices of the list that the device was chosen from are tried, best first: those of its
  /// DeviceRequest, or of WEIR_DEVICE.
  bool other_devices = true;
  /// Reads contents back and compares them; other contents are the refusal of an attempt.
  bool verify = true;
};

/// A buffer whose contents did not come back.
struct LostBuffer {
  std::string name;
  std::uint64_t bytes = 0;  ///< in use
  std::string why;
};

struct RecoveryReport {
  std::string device;       ///< the name of the one that is open now
  bool same_device = true;  ///< as before
  unsigned attempts = 0;    ///< to open one, with the last; 0 where the device answered: then nothing was done
  std::chrono::nanoseconds duration{};
  std::uint64_t restored_buffers = 0;  ///< from a host copy, from spilled contents, or by their restore function
  std::uint64_t restored_bytes = 0;    ///< in use, of these
  /// Of `lost`, and of live blocks that were no buffer's: those that Pool::allocate and Pool::acquire gave.
  std::uint64_t lost_bytes = 0;
  std::vector<LostBuffer> lost;       ///< by name
  std::vector<std::string> refusals;  ///< of attempts that failed, a line each
};

/// Fills a buffer again after its device was lost, by transfers or by kernels on `stream`, a stream of the new device.
/// Called by recover() on its thread, once all buffers with copies have come back, in the order of the buffers' names.
/// The buffer has its size and new memory with undefined contents. What it throws leaves the buffer lost, but
/// DeviceLost, which ends the attempt.
using RestoreFunction = std::function<void(const AnyBuffer& buffer, StreamId stream)>;

}  // namespace weir
