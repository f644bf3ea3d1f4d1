#include <weir/log.hpp>

namespace weir {

std::string_view name(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "unknown";
}

std::string_view name(LogEvent event) noexcept {
  switch (event) {
    case LogEvent::allocate: return "allocate";
    case LogEvent::reuse: return "reuse";
    case LogEvent::free: return "free";
    case LogEvent::grow: return "grow";
    case LogEvent::recycle: return "recycle";
    case LogEvent::trim: return "trim";
    case LogEvent::fallback: return "fallback";
    case LogEvent::refuse: return "refuse";
    case LogEvent::leak: return "leak";
    case LogEvent::misuse: return "misuse";
    case LogEvent::resize: return "resize";
    case LogEvent::unusual: return "unusual";
    case LogEvent::spill: return "spill";
    case LogEvent::recover: return "recover";
    case LogEvent::slow: return "slow";
    case LogEvent::record: return "record";
  }
  return "unknown";
}

}  // namespace weir
