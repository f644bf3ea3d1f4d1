// `weir lidar`: features of every point of one or more LAS files, into a LAS file.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weir/bytes.hpp>

#include "commands.hpp"
#include "files/output_file.hpp"
#include "lidar_options.hpp"
#include "lidar_report.hpp"
#include "progress.hpp"
#include "workloads/lidar/cloud.hpp"
#include "workloads/lidar/crs.hpp"
#include "workloads/lidar/las_writer.hpp"
#include "workloads/lidar/pipeline.hpp"
#include "workloads/lidar/preview.hpp"

namespace weir::tool {
namespace {

/// The distance of the farthest neighbour, of points spread over the cloud. What comes again takes the place of what
/// came before.
class Reaches : public lidar::Sink {
 public:
  Reaches(std::uint32_t points, std::size_t column)
      : step_(points / most + 1), column_(column), values_((points + step_ - 1) / step_) {}
  void take(const lidar::FeatureRows& rows) override {
    for (std::size_t i = 0; i < rows.ids.size(); ++i) {
      if (rows.ids[i] % step_ == 0) values_[rows.ids[i] / step_] = rows.columns[column_][i];
    }
  }
  [[nodiscard]] std::vector<float> sorted() {
    std::ranges::sort(values_);
    return std::move(values_);
  }

 private:
  static constexpr std::uint32_t most = 100'000;
  std::uint32_t step_;
  std::size_t column_;
  std::vector<float> values_;
};

class Several : public lidar::Sink {
 public:
  explicit Several(std::vector<lidar::Sink*> sinks) : sinks_(std::move(sinks)) {}
  void take(const lidar::FeatureRows& rows) override {
    for (lidar::Sink* sink : sinks_) sink->take(rows);
  }

 private:
  std::vector<lidar::Sink*> sinks_;
};

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class LidarRun {
 public:
  explicit LidarRun(const LidarCommandLine& line) : line_(line), output_(line.output), passes_(line.passes()) {
    if (!line.preview.empty()) picture_.emplace(line.preview);
    if (picture_ && picture_->same_as(output_)) {
      throw InvalidArgument(line.preview + ": is the output too; the picture goes elsewhere", {.name = "preview"});
    }
    if (output_.standard_output() && isatty(STDOUT_FILENO) == 1) {
      throw InvalidArgument("the standard output is a terminal, which shows no LAS file; send it to a file or a pipe",
                            {.name = "output"});
    }
  }

  void execute() {
    const auto started = std::chrono::steady_clock::now();
    const bool coloured = passes_.front().scale.features.needs_colours();  // the first pass has all features
    const lidar::Cloud cloud =
        lidar::Cloud::open(line_.inputs, line_.strict ? lidar::Reading::strict : lidar::Reading::tolerant,
                           coloured ? lidar::ColourUse::needed : lidar::ColourUse::unneeded);
    check_inputs(cloud);
    const lidar::CoordinateSystem system = lidar::coordinate_system(cloud.files().front());
    check_units(cloud, system);
    std::vector<lidar::Scale> scales;
    for (const LidarCommandLine::Pass& pass : passes_) scales.push_back(pass.scale);
    lidar::LasWriter writer(cloud, scales, line_.naming, output_);
    std::optional<lidar::Preview> preview;
    if (picture_) preview.emplace(cloud, scales.front().features, shown(scales.front().features));
    LidarOutcome outcome(line_, cloud);
    outcome.notes = notes(cloud, writer);
    outcome.system = system;
    outcome.read.seconds = since(started);
    {
      Progress bar(line_.output);
      for (std::size_t i = 0; i < passes_.size(); ++i) {
        writer.begin_scale(i);
        outcome.passes.push_back(pass(outcome, writer, i == 0 && preview ? &*preview : nullptr, i, bar));
      }
    }
    const auto closing = std::chrono::steady_clock::now();
    outcome.columns = writer.summarize(outcome.passes.front().report.threads);
    writer.commit();
    if (preview) preview->write(*picture_);
    outcome.write.seconds = since(closing);
    for (const LidarPass& each : outcome.passes) {
      outcome.read.seconds += each.report.read.seconds;
      outcome.write.seconds += each.report.write.seconds;
    }
    outcome.total.seconds = since(started);
    const std::string text = line_.json ? lidar_json(outcome) : lidar_text(outcome);
    // The standard output is for the points where they go there.
    const bool taken = output_.standard_output() || (picture_ && picture_->standard_output());
    fmt::print(taken ? stderr : stdout, "{}", text);
  }

 private:
  void check_inputs(const lidar::Cloud& cloud) const {
    for (const lidar::LasFile& file : cloud.files()) {
      for (const std::string& written : {line_.output, line_.preview}) {
        std::error_code none;
        if (std::filesystem::equivalent(file.path(), written, none)) {
          throw InvalidArgument(written + ": is an input too; the output goes elsewhere", {.name = "output"});
        }
      }
    }
  }

  /// Features in units of length make no sense where two coordinates are angles and one is a length.
  void check_units(const lidar::Cloud& cloud, const lidar::CoordinateSystem& system) const {
    if (!system.geographic()) return;
    std::string names;
    for (const lidar::Feature feature : passes_.front().scale.features.features()) {
      if (lidar::is_metric(feature)) names.append(names.empty() ? "" : ", ").append(name(feature));
    }
    if (names.empty()) return;
    throw InvalidArgument(cloud.files().front().path() + ": the coordinates are in degrees (" + system.name +
                              "), in which there is no " + names +
                              "; project them first, as with `pdal translate IN.las OUT.las reprojection "
                              "--filters.reprojection.out_srs=EPSG:32632` and your own zone, or leave these out of "
                              "--features",
                          {.name = "features"});
  }

  static std::vector<std::string> notes(const lidar::Cloud& cloud, const lidar::LasWriter& writer) {
    std::vector<std::string> all;
    for (const lidar::LasFile& file : cloud.files()) {
      for (const std::string& flaw : file.flaws()) all.push_back(file.path() + ": " + flaw);
    }
    const lidar::JointSystem& joint = cloud.coordinates();
    all.insert(all.end(), joint.flaws.begin(), joint.flaws.end());
    all.insert(all.end(), joint.told.begin(), joint.told.end());
    if (joint.system.geographic()) {
      all.push_back(
          joint.path +
          ": the coordinates are in degrees: neighbours and shapes count a degree of longitude like one of "
          "latitude, and a unit of height like a degree; project the file first to have shapes on the ground");
    }
    all.insert(all.end(), writer.told().begin(), writer.told().end());
    add_depths(cloud, &lidar::Cloud::rgb_of_8_bits, "red, green and blue", all);
    add_depths(cloud, &lidar::Cloud::nir_of_8_bits, "near infrared", all);
    return all;
  }

  static void add_depths(const lidar::Cloud& cloud, bool (lidar::Cloud::*of_8_bits)(std::size_t) const noexcept,
                         const char* what, std::vector<std::string>& notes) {
    std::vector<std::size_t> found;
    for (std::size_t f = 0; f < cloud.files().size(); ++f) {
      if ((cloud.*of_8_bits)(f)) found.push_back(f);
    }
    if (found.empty()) return;
    const bool all = found.size() == cloud.files().size();
    std::string which = all ? std::string() : cloud.files()[found.front()].path();
    if (!all && found.size() > 1) which += fmt::format(" and {} more", found.size() - 1);
    if (!all) which += ": here, and not in all files, ";
    notes.push_back(fmt::format("{}{} are of 8 bits in fields of 16: features take them times 257", which, what));
  }

  /// The feature that the picture shows: the one named, else the first that tells surfaces apart.
  [[nodiscard]] lidar::Feature shown(const lidar::FeatureSet& features) const {
    if (!line_.colour.empty()) return lidar::FeatureSet::parse(line_.colour).features().front();
    return features.has(lidar::Feature::planarity) ? lidar::Feature::planarity : features.features().front();
  }

  LidarPass pass(const LidarOutcome& outcome, lidar::LasWriter& writer, lidar::Sink* preview, std::size_t index,
                 Progress& bar) const {
    const lidar::Cloud& cloud = outcome.cloud;
    const LidarCommandLine::Pass& asked = passes_[index];
    lidar::RunSettings settings = settings_of(asked);
    settings.ground = {outcome.system.from_metres(line_.height_radius), line_.height_count};
    settings.progress = [&](std::uint64_t done, std::uint64_t all) {
      bar.show(index * all + done, passes_.size() * all);
    };
    Reaches reaches(cloud.points(), settings.features.column(lidar::Feature::radius));
    std::vector<lidar::Sink*> sinks{&writer, &reaches};
    if (preview != nullptr) sinks.push_back(preview);
    Several sink(std::move(sinks));
    LidarPass made{.asked = asked, .report = lidar::run(cloud, settings, sink), .reaches = {}};
    made.reaches = reaches.sorted();
    return made;
  }

  [[nodiscard]] lidar::RunSettings settings_of(const LidarCommandLine::Pass& asked) const {
    lidar::RunSettings settings;
    settings.features = asked.scale.features.with(lidar::Feature::radius);
    settings.k = asked.k;
    settings.radius = asked.radius;
    settings.chunk = line_.chunk;
    if (!line_.limit.empty()) settings.limit = parse_bytes(line_.limit);
    settings.threads = line_.threads;
    settings.pool = line_.pool == "on";
    settings.backend = line_.device;
    settings.kernel = line_.kernel;
    settings.scratch = std::filesystem::path(line_.output).parent_path().string();
    return settings;
  }

  const LidarCommandLine& line_;
  files::OutputFile output_;
  std::optional<files::OutputFile> picture_;
  std::vector<LidarCommandLine::Pass> passes_;
};

}  // namespace

void add_lidar(CLI::App& app, int&) {
  auto line = std::make_shared<LidarCommandLine>();
  add_lidar_options(app, line)->callback([line] {
    line->check();
    LidarRun(*line).execute();
  });
}

}  // namespace weir::tool
