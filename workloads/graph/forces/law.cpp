#include "workloads/graph/forces/law.hpp"

#include "compute/range.hpp"

namespace weir::graph {

void Law::check() const {
  const auto require = [](const char* what, double value, compute::Range allowed) {
    compute::require_range("law", what, "", value, allowed);
  };
  require("length", length, {1e-3F, 1e6F});
  require("repulsion", repulsion, {1e-6F, 1e9F});
  require("attraction", attraction, {0, 1e18F});
  require("gravity", gravity, {0, 1e6F});
  require("centring", centring, {0, 1e6F});
  require("cutoff", cutoff, {1e-3F, 1e9F});
  require("softening", softening, {0, 1e6F});
  require("largest force", max_force, {1e-6F, 1e9F});
  require("time step", time_step, {1e-6F, 10});
  require("damping", damping, {0, 1});
  require("largest velocity", max_velocity, {1e-6F, 1e9F});
  require("boundary", boundary, {1, 1e9F});
  require("tolerance", tolerance, {1e-3F, 100});
}

Law usual_law(LawKind kind) {
  Law law{.kind = kind};
  if (kind == LawKind::force_atlas_2) {
    law.repulsion = 2;
    law.gravity = 1;
  }
  if (kind == LawKind::springs) {
    law.length = 80;
    law.repulsion = 800;
    law.attraction = 12;
    law.gravity = 1e-4F;
  }
  return law;
}

}  // namespace weir::graph
