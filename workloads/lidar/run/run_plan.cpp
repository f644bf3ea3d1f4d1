#include "workloads/lidar/run/run_plan.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <thread>

namespace weir::lidar {
namespace {

void check_ground(const GroundSearch& ground) {
  if (!std::isfinite(ground.reach) || ground.reach <= 0) {
    throw InvalidArgument("the reach of the ground search must be above 0", {.name = "ground"});
  }
  if (ground.count == 0 || ground.count > GroundSearch::max_count) {
    throw InvalidArgument("the ground search uses 1 to " + std::to_string(GroundSearch::max_count) + " points, not " +
                              std::to_string(ground.count),
                          {.name = "ground", .limit = GroundSearch::max_count});
  }
}

/// Sums over the neighbours within a radius are exact while their number times the radius is below this.
constexpr double max_sum = 0x1p62;

WideSquare square_of(double steps) noexcept {
  const double whole = std::nearbyint(steps);
  if (std::fabs(steps - whole) < 1e-12 * whole) return static_cast<WideSquare>(whole) * static_cast<WideSquare>(whole);
  const double square = steps * steps, nearest = std::nearbyint(square);
  const bool meant = std::fabs(square - nearest) < 1e-9 * nearest;  // a decimal fraction over another
  return static_cast<WideSquare>(meant ? nearest : square);
}

Search within(double radius, const Cloud& cloud) {
  const double steps = radius / cloud.unit();
  const double most = cloud.wide() ? max_sum / std::max(cloud.points(), 1u) : 2147483647.0;
  if (!(steps < most)) {
    std::ostringstream what;
    what << "a radius of " << radius << " is " << steps << " steps of " << cloud.unit() << "; at most " << most
         << (cloud.wide() ? " here, because sums over all points within it must be exact" : "")
         << "; use a smaller radius, or k nearest neighbours";
    throw InvalidArgument(what.str(), {.name = "radius"});
  }
  Search search{.k = 0, .radius_squared = square_of(steps), .radius = radius};
  while (cloud.wide() && search.distance_step * steps >= most) search.distance_step /= 2;
  return search;
}

}  // namespace

ComputeSettings compute_settings(const Cloud& cloud, const RunSettings& settings) {
  ComputeSettings compute{.features = settings.features, .search = {}, .kernel = choose_kernel(settings.kernel)};
  compute.unit = cloud.unit();
  compute.wide = cloud.wide();
  compute.has_rgb = cloud.has_rgb();
  compute.has_nir = cloud.has_nir();
  compute.has_ground = cloud.has_ground();
  compute.ground = settings.ground;
  if (settings.features.needs_height()) check_ground(settings.ground);
  compute.threads = settings.threads != 0 ? settings.threads : std::max(1u, std::thread::hardware_concurrency());
  if (settings.features.size() == 0)
    throw InvalidArgument("the run has no features; give at least one", {.name = "features"});
  if (settings.radius > 0) {
    compute.search = within(settings.radius, cloud);
  } else if (settings.radius < 0 || std::isnan(settings.radius)) {
    throw InvalidArgument("radius is below 0", {.name = "radius"});
  } else if (settings.k == 0 || settings.k > max_neighbours) {
    throw InvalidArgument("k must be 1 to " + std::to_string(max_neighbours) + ", not " + std::to_string(settings.k),
                          {.name = "k", .limit = max_neighbours});
  } else {
    compute.search.k = settings.k;
  }
  return compute;
}

std::string height_rule(const ComputeSettings& settings) {
  if (!settings.features.needs_height()) return {};
  std::ostringstream rule;
  if (settings.has_ground) {
    rule << "z less the inverse-distance mean of up to " << settings.ground.count << " ground-class points";
  } else {
    rule << "z less the lowest z";
  }
  rule << " within " << settings.ground.reach << " of the file's units";
  if (!settings.has_ground) rule << ", as no point has the ground class";
  return rule.str();
}

std::uint64_t bytes_of(const std::vector<ScopeColumn>& features) {
  std::uint64_t sum = 0;
  for (const ScopeColumn& feature : features) sum += feature.type.bytes;
  return sum;
}

}  // namespace weir::lidar
