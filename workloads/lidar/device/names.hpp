// The names that the bodies use in C++ as GLSL has them: those of the language of kernels, and the features' formulas.
// Included by what the bodies are made of.
#pragma once

#include "compute/language.hpp"
#include "workloads/lidar/features/formulas.hpp"

namespace weir::lidar::bodies {

// NOLINTBEGIN(google-build-using-namespace): GLSL has one namespace.
using namespace compute::language;
using namespace formulas;
// NOLINTEND(google-build-using-namespace)

}  // namespace weir::lidar::bodies
