#include "workloads/lidar/files/joint_crs.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <weir/errors.hpp>

#include "workloads/lidar/files/printable.hpp"

namespace weir::lidar {
namespace {

using Kind = LengthUnit::Kind;

constexpr const char* remedy =
    "; bring all files to one system first, as with `pdal translate IN.las OUT.las reprojection "
    "--filters.reprojection.out_srs=EPSG:32632` and your own zone";

[[noreturn]] void refuse(const LasFile& file, const std::string& what) {
  refuse(file, "coordinate system", what + remedy);
}

/// "metre" (UTM zone 32N), for messages.
std::string described(const LengthUnit& unit, const CoordinateSystem& system) {
  return quoted(unit.name) + (system.name.empty() ? "" : " (" + printable(system.name) + ")");
}

/// Readers take the first record of a kind that they find, so that the same kind with other data would be lost.
void check_records(std::span<const LasFile> files) {
  std::map<std::uint16_t, std::pair<const LasFile*, const LasRecord*>> known;
  for (const LasFile& file : files) {
    for (const auto* list : {&file.records(), &file.extended_records()}) {
      for (const LasRecord& record : *list) {
        if (!record.is("LASF_Projection", record.id)) continue;
        const auto [first, fresh] = known.try_emplace(record.id, &file, &record);
        const auto [owner, before] = first->second;
        if (fresh || owner == &file || std::ranges::equal(before->data, record.data)) continue;
        refuse(file, "LASF_Projection " + std::to_string(record.id) + " differs from that of " + owner->path());
      }
    }
  }
}

void check_unit(const LasFile& file, const CoordinateSystem& system, const LasFile& other,
                const CoordinateSystem& joint) {
  const auto check = [&](const LengthUnit& one, const LengthUnit& two, const char* what) {
    if (one.kind == Kind::unknown || two.kind == Kind::unknown || same_unit(one, two)) return;
    refuse(file, std::string(what) + " are in " + described(one, system) + ", and in " + described(two, joint) +
                     " in " + other.path());
  };
  check(system.horizontal, joint.horizontal, "coordinates");
  check(system.vertical, joint.vertical, "heights");
}

std::string and_more(const std::vector<const LasFile*>& files) {
  const std::string more = files.size() > 1 ? " and " + std::to_string(files.size() - 1) + " more" : std::string();
  return files.front()->path() + more;
}

}  // namespace

JointSystem join_systems(std::span<const LasFile> files) {
  check_records(files);
  std::vector<CoordinateSystem> systems;
  JointSystem joint;
  for (const LasFile& file : files) {
    systems.push_back(coordinate_system(file));
    for (const std::string& flaw : systems.back().told) joint.flaws.push_back(file.path() + ": " + flaw);
  }
  auto chosen = std::ranges::find_if(systems, [](const auto& each) { return each.horizontal.kind != Kind::unknown; });
  if (chosen == systems.end()) {
    chosen = std::ranges::find_if(systems, [](const auto& each) { return !each.name.empty(); });
  }
  if (chosen == systems.end()) chosen = systems.begin();
  const LasFile& file = files[static_cast<std::size_t>(chosen - systems.begin())];
  joint.system = *chosen;
  joint.path = file.path();
  std::vector<const LasFile*> nameless, others;
  for (std::size_t f = 0; f < files.size(); ++f) {
    check_unit(files[f], systems[f], file, joint.system);
    if (systems[f].vertical.kind != Kind::unknown && joint.system.vertical.kind == Kind::unknown) {
      joint.system.vertical = systems[f].vertical;
    }
    if (systems[f].name == joint.system.name) continue;
    (systems[f].name.empty() ? nameless : others).push_back(&files[f]);
  }
  const std::string is = quoted(joint.system.name) + " of " + file.path();
  if (!nameless.empty()) {
    joint.told.push_back(and_more(nameless) + ": no coordinate system is given; weir uses " + is);
  }
  if (!others.empty()) {
    joint.told.push_back(and_more(others) + ": the coordinate system differs from " + is +
                         "; their units do not differ as far as known, so the coordinates are used unchanged");
  }
  return joint;
}

}  // namespace weir::lidar
