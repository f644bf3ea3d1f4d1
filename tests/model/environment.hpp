// Numbers from the environment: what a run of the model tests may be told.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace weir::model {

[[nodiscard]] inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr || *text == '\0' ? otherwise : std::stoull(text);
}

}  // namespace weir::model
