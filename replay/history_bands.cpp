// See history_bands.hpp.
#include "replay/history_bands.hpp"

#include <algorithm>
#include <unordered_map>

#include "replay/findings.hpp"

namespace weir::replay {

namespace {

/// Classes by requested bytes: up to and including each bound.
struct SizeClass {
  std::uint64_t bound;
  const char* name;
};
constexpr std::uint64_t kib = 1024;
constexpr SizeClass size_classes[] = {{4 * kib, "up to 4 KiB"},           {64 * kib, "up to 64 KiB"},
                                      {kib * kib, "up to 1 MiB"},         {16 * kib * kib, "up to 16 MiB"},
                                      {256 * kib * kib, "up to 256 MiB"}, {~std::uint64_t{0}, "above 256 MiB"}};

Bands by_size(const History& history) {
  Bands made;
  made.by_size = true;
  for (const SizeClass& each : size_classes) made.names.emplace_back(each.name);
  made.of_life.reserve(history.lives.size());
  for (const Life& life : history.lives) {
    std::uint8_t band = 0;
    while (life.bytes > size_classes[band].bound) ++band;
    made.of_life.push_back(band);
  }
  return made;
}

}  // namespace

Bands bands_of(const RecordedPool& pool, const std::vector<std::string>& names, const History& history) {
  constexpr std::size_t owners_shown = Bands::max_count - 1;
  // Where the owners shown have less than this of all that owners had, as in a file that names each block, they tell
  // nothing.
  constexpr double telling = 0.2;
  const std::vector<OwnerFigures> owners = owners_of(pool);
  double shown = 0;
  double all = 0;
  bool named = false;
  for (std::size_t i = 0; i < owners.size(); ++i) {
    const auto peak = static_cast<double>(owners[i].peak);
    all += peak;
    if (i < owners_shown) shown += peak;
    named = named || (owners[i].tag != 0 && owners[i].peak != 0);
  }
  if (!named || shown < telling * all) return by_size(history);

  Bands made;
  std::unordered_map<std::uint32_t, std::uint8_t> band_of;
  // One more than is shown needs no band for the others.
  const std::size_t count = owners.size() <= Bands::max_count ? owners.size() : owners_shown;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t tag = owners[i].tag;
    band_of.emplace(tag, static_cast<std::uint8_t>(i));
    made.tags.push_back(tag);
    made.names.push_back(tag == 0 ? "no owner" : names[tag]);
  }
  const std::size_t others = owners.size() - count;
  if (others != 0) made.names.push_back(std::to_string(others) + " other owners");
  made.of_life.reserve(history.lives.size());
  for (const Life& life : history.lives) {
    const auto found = band_of.find(life.tag);
    made.of_life.push_back(found == band_of.end() ? static_cast<std::uint8_t>(count) : found->second);
  }
  return made;
}

}  // namespace weir::replay
