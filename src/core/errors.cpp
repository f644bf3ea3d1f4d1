#include <weir/errors.hpp>

namespace weir {

std::string_view name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::ok: return "ok";
    case ErrorCode::out_of_memory: return "out_of_memory";
    case ErrorCode::limit_exceeded: return "limit_exceeded";
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::type_mismatch: return "type_mismatch";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::stale_handle: return "stale_handle";
    case ErrorCode::timeout: return "timeout";
    case ErrorCode::device_lost: return "device_lost";
    case ErrorCode::driver_error: return "driver_error";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::parse_error: return "parse_error";
  }
  return "unknown";
}

}  // namespace weir
