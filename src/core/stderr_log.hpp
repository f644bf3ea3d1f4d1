// The log sink that WEIR_LOG asks for: one line a record on stderr.
#pragma once

#include <string_view>

#include <weir/log.hpp>

namespace weir::core {

/// The sink for records of `level` ("debug", "info", "warning", "error") and above; lives as long as the program.
[[nodiscard]] LogSink& stderr_log(std::string_view level);

}  // namespace weir::core
