// Handlers of memory pressure of one pool, in the order in which they were registered. Invariant: no lock is held while
// one is called, and none is called on a thread that is in one already. Called where the ladder has found no memory.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <weir/pressure.hpp>

#include "core/deadline.hpp"

namespace weir::pool {

/// What else a refusal says, of memory that a handler cannot free: "" or "; ...". Called as the handler is.
using PressureRemark = std::function<std::string()>;

class PressureHandlers {
 public:
  /// Throws InvalidArgument for an empty handler. `remark` may be empty.
  [[nodiscard]] PressureRegistration add(PressureHandler handler, PressureRemark remark);

  /// Calls each handler, again after each success, and `retry` after each time that one freed something, until that
  /// gives true. False where none helps, at once on a thread that is in a handler.
  template <class Retry>
  [[nodiscard]] bool relieve(MemoryPressure pressure, const core::Deadline& deadline, Retry retry) {
    for (const std::shared_ptr<detail::PressureEntry>& entry : list()) {
      for (pressure.attempt = 0; call(*entry, pressure, deadline); ++pressure.attempt) {
        if (retry()) return true;
        if (deadline.passed()) break;
      }
    }
    return false;
  }

  /// The remarks, one after the other.
  [[nodiscard]] std::string remarks();
  /// Whether this thread is in a handler, of this pool or another one.
  [[nodiscard]] static bool inside() noexcept;

 private:
  /// None on a thread that is in a handler.
  [[nodiscard]] std::vector<std::shared_ptr<detail::PressureEntry>> list();
  [[nodiscard]] static bool call(detail::PressureEntry& entry, MemoryPressure pressure, const core::Deadline& deadline);

  std::mutex mutex_;
  std::vector<std::weak_ptr<detail::PressureEntry>> entries_;  // each lives as long as its registration
};

}  // namespace weir::pool
