#include "run_plan.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <thread>

namespace weir::lidar {

ComputeSettings compute_settings(const Cloud& cloud, const RunSettings& settings) {
  ComputeSettings compute{.features = settings.features, .search = {}, .kernel = choose_kernel(settings.kernel)};
  compute.unit = cloud.unit();
  compute.has_rgb = cloud.has_rgb();
  compute.has_nir = cloud.has_nir();
  compute.has_ground = cloud.has_ground();
  compute.threads = settings.threads != 0 ? settings.threads : std::max(1u, std::thread::hardware_concurrency());
  if (settings.features.size() == 0) throw InvalidArgument("no features", {.name = "features"});
  if (settings.radius > 0) {
    const double steps = settings.radius / cloud.unit();
    if (!(steps < 2147483647.0)) throw InvalidArgument("a radius past what coordinates can span", {.name = "radius"});
    const double square = steps * steps, nearest = std::nearbyint(square);
    const bool meant = std::fabs(square - nearest) < 1e-9 * nearest;  // a decimal fraction over another
    compute.search = {0, static_cast<std::uint64_t>(meant ? nearest : square), settings.radius};
  } else if (settings.radius < 0 || std::isnan(settings.radius)) {
    throw InvalidArgument("a radius below 0", {.name = "radius"});
  } else if (settings.k == 0 || settings.k > most_neighbours) {
    throw InvalidArgument("k is 1 to " + std::to_string(most_neighbours) + ", not " + std::to_string(settings.k),
                          {.name = "k", .limit = most_neighbours});
  } else {
    compute.search.k = settings.k;
  }
  return compute;
}

ManagerOptions manager_options(const RunSettings& settings) {
  ManagerOptions options{.name = "lidar", .pool = settings.pool ? PoolMode::automatic : PoolMode::off};
  if (settings.limit != 0) {
    options.limit = settings.limit;
    options.transfers.pinned_limit = settings.limit;
  }
  return options;
}

std::string height_rule(const FeatureSet& features, const Cloud& cloud) {
  if (!features.needs_height()) return {};
  return cloud.has_ground() ? "z less the inverse-distance mean of up to 8 ground-class points within 15 m"
                            : "z less the lowest z within 15 m, as no point has the ground class";
}

std::uint64_t bytes_of(const std::vector<ScopeFeature>& features) {
  std::uint64_t sum = 0;
  for (const ScopeFeature& feature : features) sum += feature.type.bytes;
  return sum;
}

}  // namespace weir::lidar
