#include "lidar_options.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <set>

#include <fmt/format.h>

namespace weir::tool {
namespace {

/// As PDAL and laspy know names: letters, digits and underscores.
const CLI::Validator name_part(
    [](const std::string& text) {
      const bool plain =
          std::ranges::all_of(text, [](unsigned char each) { return std::isalnum(each) != 0 || each == '_'; });
      return plain ? std::string() : "may have only letters, digits and _, not \"" + text + '"';
    },
    "TEXT");

const CLI::Validator distance(
    [](const std::string& text) {
      double value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      const bool sound = error == std::errc() && end == text.data() + text.size() && std::isfinite(value) && value > 0;
      return sound ? std::string() : "must be a distance above 0, not " + text;
    },
    "DISTANCE");

/// Whether a path that is written names, by its suffix, another kind of file than `suffix`.
bool other_kind(const std::string& path, const std::string& suffix) {
  std::error_code none;
  const std::filesystem::file_status status = std::filesystem::status(path, none);
  if (path == "-" || std::filesystem::is_other(status) || std::filesystem::is_character_file(status) ||
      std::filesystem::is_fifo(status) || std::filesystem::is_directory(status)) {
    return false;  // has no suffix to go by, or is refused for what it is
  }
  std::string found = std::filesystem::path(path).extension().string();
  std::ranges::transform(found, found.begin(), [](unsigned char each) { return std::tolower(each); });
  return !found.empty() && found != suffix;
}

template <class Number>
std::vector<Number> each_once(const std::vector<Number>& all) {
  std::vector<Number> once;
  std::set<Number> seen;
  for (const Number each : all) {
    if (seen.insert(each).second) once.push_back(each);
  }
  return once;
}

}  // namespace

void LidarCommandLine::check() const {
  if (other_kind(output, ".las")) {
    const std::string remedy = output.ends_with("laz") || output.ends_with("LAZ")
                                   ? "; name it .las and pack it with `laszip -i OUT.las -o OUT.laz`"
                                   : "; name it .las";
    throw CLI::ValidationError("--output", output + ": the output is always LAS" + remedy);
  }
  if (!preview.empty() && other_kind(preview, ".png")) {
    throw CLI::ValidationError("--preview", preview + ": the picture is always PNG; name it .png");
  }
}

std::vector<LidarCommandLine::Pass> LidarCommandLine::passes() const {
  const lidar::FeatureSet all = lidar::FeatureSet::parse(features);
  std::vector<Pass> passes;
  const auto add = [&](std::uint32_t k, double radius, const std::string& mark, bool several) {
    passes.push_back({{passes.empty() ? all : all.scaled(), several ? mark : std::string()}, k, radius});
  };
  if (radii.empty()) {
    const std::vector<std::uint32_t> once = each_once(ks);
    for (const std::uint32_t k : once) add(k, 0, fmt::format("_k{}", k), once.size() > 1);
    return passes;
  }
  const std::vector<double> once = each_once(radii);
  for (const double radius : once) {
    std::string mark = fmt::format("_r{}", radius);
    std::ranges::replace_if(
        mark, [](char letter) { return letter == '.' || letter == '-' || letter == '+'; }, '_');
    add(ks.front(), radius, mark, once.size() > 1);
  }
  return passes;
}

CLI::App* add_lidar_options(CLI::App& app, const std::shared_ptr<LidarCommandLine>& line) {
  auto* command = app.add_subcommand("lidar", "Compute features of each point of LAS files from its neighbours");
  LidarCommandLine& a = *line;
  command->add_option("inputs", a.inputs, "LAS files; several files form one cloud")->required();
  command->add_option("-o,--output", a.output, "The LAS 1.4 file to write; - is the standard output")->required();
  auto* k = command
                ->add_option("--k", a.ks,
                             "Number of neighbours, including the point itself; 10,20,50 gives planarity_k10 ...")
                ->delimiter(',')
                ->allow_extra_args(false)  // what follows is an input
                ->check(CLI::Range(1, 128))
                ->default_str("20");
  command
      ->add_option("--radius", a.radii,
                   "Use all neighbours within this distance instead, in the file's unit; several are allowed")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(distance)
      ->excludes(k);
  command
      ->add_option("--features", a.features,
                   "Feature sets and features, separated by commas: " + lidar::feature_names())
      ->capture_default_str();
  command->add_option("--prefix", a.naming.prefix, "Text before the names of the features")->check(name_part);
  command->add_option("--suffix", a.naming.suffix, "Text after the names of the features")->check(name_part);
  command->add_flag("--overwrite", a.naming.overwrite, "Replace features that the input has from an earlier run");
  command->add_flag("--strict", a.strict, "Refuse files with flaws, which are otherwise only reported");
  command->add_option("--height-radius", a.height_radius, "Search radius for the ground under a point, in metres")
      ->check(distance)
      ->capture_default_str();
  command
      ->add_option("--height-count", a.height_count,
                   "Number of nearest ground-class points that give the ground's height")
      ->check(CLI::Range(1U, lidar::GroundSearch::max_count))
      ->capture_default_str();
  command->add_option("--chunk", a.chunk, "Points in a chunk (default: as many as memory allows)")
      ->check(CLI::PositiveNumber);
  command->add_option("--limit", a.limit, "Limit of device memory, e.g. 4GiB");
  command->add_option("--device", a.device, "Device: host, vulkan or cuda (default: the best that is not emulated)");
  command->add_option("--kernel", a.kernel,
                      "Host kernels: x86-64, x86-64-v3, x86-64-v4 (default: the best that this processor runs)");
  command->add_option("--threads", a.threads, "Host threads (default: one for each core)")->check(CLI::Range(1, 1024));
  command->add_option("--pool", a.pool, "off: each buffer is a driver allocation of its own")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  auto* preview = command->add_option("--preview", a.preview, "Also write a picture from above, a PNG file");
  command->add_option("--colour", a.colour, "Feature that the picture shows")->needs(preview);
  command->add_flag("--json", a.json, "Print one JSON object on stdout");
  command->add_flag("--verbose", a.verbose, "Also report memory, chunks and the time of each stage");
  return command;
}

}  // namespace weir::tool
