// Rehearses a failure: puts an injecting backend before each device that a program opens. All of them count their calls
// together, and a fault strikes once, so that a device that is opened again after its loss works. Thread-safe. Used by
// the tool, for WEIR_INJECT.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "device/backend.hpp"
#include "faults/plan.hpp"

namespace weir::faults {

class Injector {
 public:
  /// Gets one line, without its end, about each device that it stands before and each fault that strikes. Called under
  /// no lock, on the thread of the call; must not throw.
  using Tell = std::function<void(const std::string& line)>;

  Injector(Plan plan, Tell tell);

  /// A backend that stands before `opened`. Throws Unsupported for a slow dry device, which has no time to multiply.
  [[nodiscard]] std::shared_ptr<device::Backend> wrap(std::shared_ptr<device::Backend> opened);

  /// What has not happened, and how many calls there were: one line, or none.
  [[nodiscard]] std::string missed() const;

 private:
  const Plan plan_;
  const Tell tell_;
  const std::shared_ptr<Schedule> schedule_ = std::make_shared<Schedule>();
};

}  // namespace weir::faults
