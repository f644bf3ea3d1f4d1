// The words of a workload's shaders, as the build made them: for each kernel of a table, in its order. The workload's
// file that includes what weir_compute_shaders() made uses WEIR_COMPUTE_SHADER on its list; programs take the words.
#pragma once

#include <cstdint>
#include <span>

#include "compute/step.hpp"

namespace weir::compute {

/// Of one kernel; the same words twice where it has no real numbers.
struct Shader {
  std::span<const std::uint32_t> floats, doubles;

  [[nodiscard]] std::span<const std::uint32_t> of(Precision precision) const noexcept {
    return precision == Precision::doubles ? doubles : floats;
  }
};

}  // namespace weir::compute

#define WEIR_COMPUTE_SHADER(name, numbers) ::weir::compute::Shader{name, WEIR_COMPUTE_SHADER_##numbers(name)},
// NOLINTBEGIN(readability-identifier-naming): the ends are the words of the list.
#define WEIR_COMPUTE_SHADER_words(name) name
#define WEIR_COMPUTE_SHADER_reals(name) name##_doubles
// NOLINTEND(readability-identifier-naming)
