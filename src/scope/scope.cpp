// Pooling scopes: the layout of features in one buffer, and what is counted.
#include <weir/scope.hpp>

#include <algorithm>
#include <limits>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir {
namespace {

/// The bytes of one feature, rounded up; saturating at the largest number.
std::uint64_t feature_bytes(std::size_t points, const ScopeFeature& feature) noexcept {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (points > (most - PoolingScope::alignment) / std::max<std::size_t>(feature.type.bytes, 1)) return most;
  const std::uint64_t bytes = std::uint64_t{points} * feature.type.bytes;
  return (bytes + PoolingScope::alignment - 1) / PoolingScope::alignment * PoolingScope::alignment;
}

}  // namespace

std::string ScopeStatistics::summary() const {
  const auto percent = static_cast<int>(reuse_rate() * 1000.0 + 0.5);
  return "scope \"" + scope + "\": " + std::to_string(features) + " features in " + std::to_string(chunks) +
         " chunks, " + std::to_string(allocations) + " buffers allocated and " + std::to_string(reuses) + " reused (" +
         std::to_string(percent / 10) + "." + std::to_string(percent % 10) + " %), peak " + format_bytes(peak_bytes) +
         ", " + format_bytes(static_cast<std::uint64_t>(average_feature_bytes)) + " a feature, " +
         std::to_string(computed) + " values";
}

std::uint64_t PoolingScope::bytes(std::size_t points, const std::vector<ScopeFeature>& features) {
  if (points == 0) throw InvalidArgument("a scope of no points", {.name = "points"});
  if (features.empty()) throw InvalidArgument("a scope of no features", {.name = "features"});
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < features.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (features[j].name == features[i].name) {
        throw InvalidArgument("feature \"" + features[i].name + "\" is there twice in a scope",
                              {.name = features[i].name});
      }
    }
    const std::uint64_t more = feature_bytes(points, features[i]);
    if (more > std::numeric_limits<std::uint64_t>::max() - sum) {
      throw LimitExceeded("feature \"" + features[i].name + "\" of " + std::to_string(points) +
                              " points: the scope's bytes do not fit 64 bits",
                          {.name = features[i].name, .bytes_asked = more});
    }
    sum += more;
  }
  return sum;
}

PoolingScope::PoolingScope(Buffer<std::byte> memory, std::size_t points, std::vector<ScopeFeature> features)
    : memory_(std::move(memory)), capacity_(points), points_(points) {
  const std::uint64_t needed = bytes(points, features);
  if (memory_.size() < needed) {
    throw InvalidArgument("scope \"" + std::string(memory_.name()) + "\": " + format_bytes(memory_.size()) +
                              " for features of " + format_bytes(needed),
                          {.name = std::string(memory_.name()), .bytes_asked = needed, .limit = memory_.size()});
  }
  std::size_t offset = 0;
  for (ScopeFeature& feature : features) {
    const std::uint64_t taken = feature_bytes(points, feature);
    places_.push_back({std::move(feature), offset});
    offset += taken;
  }
}

void PoolingScope::begin_chunk(std::size_t points) {
  if (points > capacity_) {
    throw InvalidArgument("scope \"" + std::string(name()) + "\": a chunk of " + std::to_string(points) +
                              " points; it has room for " + std::to_string(capacity_),
                          {.name = std::string(name()), .limit = capacity_});
  }
  points_ = points;
  ++chunks_;
  computed_ += std::uint64_t{points} * places_.size();
}

const PoolingScope::Place& PoolingScope::find(std::string_view feature) const {
  const auto found =
      std::find_if(places_.begin(), places_.end(), [&](const Place& place) { return place.feature.name == feature; });
  if (found != places_.end()) return *found;
  std::string known;
  for (const Place& place : places_) known += (known.empty() ? "" : ", ") + place.feature.name;
  throw NotFound(
      "scope \"" + std::string(name()) + "\" has no feature \"" + std::string(feature) + "\"; there are: " + known,
      {.name = std::string(feature)});
}

const PoolingScope::Place& PoolingScope::find(std::string_view feature, const ElementType& wanted) const {
  const Place& place = find(feature);
  if (place.feature.type == wanted) return place;
  throw TypeMismatch("feature \"" + place.feature.name + "\" of scope \"" + std::string(name()) + "\" is of " +
                         std::string(place.feature.type.name) + ", not " + std::string(wanted.name),
                     {.name = place.feature.name});
}

ScopeStatistics PoolingScope::statistics() const {
  ScopeStatistics known;
  known.scope = std::string(name());
  known.features = places_.size();
  known.chunks = chunks_;
  known.allocations = places_.size();
  known.reuses = chunks_ > 1 ? (chunks_ - 1) * places_.size() : 0;
  known.computed = computed_;
  known.peak_bytes = memory_.valid() ? memory_.size() : 0;
  known.average_feature_bytes =
      places_.empty() ? 0.0 : static_cast<double>(known.peak_bytes) / static_cast<double>(places_.size());
  return known;
}

}  // namespace weir
