// The names of the trace formats; see trace.hpp.
#include "replay/trace.hpp"

namespace weir::replay {

std::string_view to_string(TraceFormat format) noexcept {
  switch (format) {
    case TraceFormat::pytorch_snapshot: return "pytorch-snapshot";
    case TraceFormat::rmm_csv: return "rmm-csv";
    case TraceFormat::interval_csv: return "interval-csv";
    case TraceFormat::weir_recording: return "weir-recording";
    case TraceFormat::generated: return "generated";
  }
  return "unknown";
}

}  // namespace weir::replay
