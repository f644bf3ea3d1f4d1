#include "faults/injector.hpp"

#include <algorithm>
#include <utility>

#include <weir/errors.hpp>

#include "core/elsewhere.hpp"
#include "faults/injecting_backend.hpp"

namespace weir::faults {
namespace {

std::string effect_of(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::out_of_memory: return "there is no memory for it";
    case FaultKind::driver_error: return "it fails";
    case FaultKind::loss: return "the device is lost";
    case FaultKind::slow: break;
  }
  return "its stream is slow from here on";
}

}  // namespace

Injector::Injector(Plan plan, Tell tell) : plan_(std::move(plan)), tell_(std::move(tell)) {
  for (const Fault& each : plan_.faults) schedule_->add(each);
}

std::shared_ptr<device::Backend> Injector::wrap(std::shared_ptr<device::Backend> opened) {
  const DeviceInfo& device = opened->facts();
  const bool slows = std::any_of(plan_.faults.begin(), plan_.faults.end(),
                                 [](const Fault& each) { return each.kind == FaultKind::slow; });
  if (slows && device.backend == BackendKind::dry) {
    throw Unsupported("WEIR_INJECT=\"" + plan_.text + "\": " + device.name +
                          " computes nothing that could take longer; leave slow@ out, or name another device",
                      {.name = "WEIR_INJECT"});
  }
  tell_("WEIR_INJECT=" + plan_.text + ": faults are injected into " + device.name);
  const auto told = [tell = tell_, schedule = schedule_](const Fault& fault, CallKind struck) {
    tell("WEIR_INJECT: " + text_of(fault) + " strikes call " + std::to_string(schedule->calls()) + ", " +
         std::string(name(struck)) + ": " + effect_of(fault));
  };
  auto wrapped = core::make_shared_that_waits<InjectingBackend>(std::move(opened), schedule_, told);
  wrapped->late_events().delay(plan_.late);
  return wrapped;
}

std::string Injector::missed() const {
  std::string faults;
  for (const Fault& each : schedule_->waiting()) faults.append(faults.empty() ? "" : ", ").append(text_of(each));
  if (faults.empty()) return {};
  return "WEIR_INJECT: " + faults + " did not happen: the device was called " + std::to_string(schedule_->calls()) +
         " times";
}

}  // namespace weir::faults
