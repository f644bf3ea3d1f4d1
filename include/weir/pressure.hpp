// Memory pressure: what a pool tells those who may free memory for a request that it cannot serve. Handlers are
// registered with Pool::on_pressure; a MemoryManager that spills has one of its own, which comes first.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include <weir/stream.hpp>

namespace weir {

/// A request for which a pool found no memory, after it took back all that was free; or one that is about to pass the
/// soft limit.
struct MemoryPressure {
  std::uint64_t bytes = 0;  ///< of the request
  StreamId stream = StreamId::legacy_default;
  unsigned attempt = 0;  ///< how often this handler has freed something for this request, which was not enough
  std::chrono::nanoseconds left{0};  ///< how long handlers may wait, all together
  /// The soft limit would be passed, and the request is served whatever handlers do: free what costs little, without a
  /// wait. A handler is called again until the soft limit holds or it gives false; where none helps enough, none is
  /// called early for 100 ms.
  bool early = false;
};

/// Frees memory of the pool, and says whether it freed any: then the request is tried again, and the same handler
/// called again if it is still refused, until it gives false or reclaim_deadline has passed. Called on the thread of
/// the request, by several threads at a time, with no lock of the pool's held: it may free, allocate and wait. Where it
/// frees the block or the buffer that asks for memory, that call throws StaleHandle. What it allocates is not served by
/// handlers. What it throws leaves the call that asked for memory, which has changed nothing.
using PressureHandler = std::function<bool(const MemoryPressure& pressure)>;

namespace detail {
struct PressureEntry;
}
namespace pool {
class PressureHandlers;
}

/// Keeps a handler registered. Move-only. At its end the handler is removed: no call of it begins any more, and calls
/// on other threads are waited for.
class PressureRegistration {
 public:
  PressureRegistration() = default;
  PressureRegistration(PressureRegistration&& other) noexcept { *this = std::move(other); }
  /// Ends the registration that was there.
  PressureRegistration& operator=(PressureRegistration&& other) noexcept {
    PressureRegistration taken;
    std::swap(taken.entry_, other.entry_);
    std::swap(entry_, taken.entry_);
    return *this;
  }
  PressureRegistration(const PressureRegistration&) = delete;
  PressureRegistration& operator=(const PressureRegistration&) = delete;
  ~PressureRegistration();

 private:
  friend class pool::PressureHandlers;
  explicit PressureRegistration(std::shared_ptr<detail::PressureEntry> entry) noexcept : entry_(std::move(entry)) {}
  std::shared_ptr<detail::PressureEntry> entry_;
};

}  // namespace weir
