// `weir lidar`: features of every point of one or more LAS files, into a LAS file.
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
#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/files/crs.hpp"
#include "workloads/lidar/files/las_writer.hpp"
#include "workloads/lidar/files/preview.hpp"
#include "workloads/lidar/files/printable.hpp"
#include "workloads/lidar/run/open_memory.hpp"
#include "workloads/lidar/run/pipeline.hpp"
#include "workloads/lidar/run/reach_sample.hpp"

namespace weir::tool {
namespace {

class Several : public lidar::Sink {
 public:
  explicit Several(std::vector<lidar::Sink*> sinks) : sinks_(std::move(sinks)) {}
  void take(const lidar::FeatureRows& rows) override {
    for (lidar::Sink* sink : sinks_) sink->take(rows);
  }

 private:
  std::vector<lidar::Sink*> sinks_;
};

/// Those without a shape, from the columns, which lie by pass and then by feature.
void count_few_neighbours(LidarOutcome& outcome) {
  std::size_t column = 0;
  for (LidarPass& pass : outcome.passes) {
    for (const lidar::Feature feature : pass.asked.scale.features.features()) {
      if (lidar::is_shape(feature)) pass.few_neighbours = outcome.columns.at(column).nans;
      ++column;
    }
  }
}

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class LidarRun {
 public:
  explicit LidarRun(const LidarCommandLine& line)
      : line_(line), memory_(memory_of(line)), output_(line.output), passes_(line.passes()) {
    if (!line.preview.empty()) picture_.emplace(line.preview);
    if (picture_ && picture_->same_as(output_)) {
      throw InvalidArgument(line.preview + ": is also the output; give the picture another path", {.name = "preview"});
    }
    refuse_terminal(output_, "LAS file");
    if (picture_) refuse_terminal(*picture_, "picture");
  }

  void execute() {
    const auto started = std::chrono::steady_clock::now();
    const bool coloured = passes_.front().scale.features.needs_colours();  // the first pass has all features
    const lidar::Cloud cloud =
        lidar::Cloud::open(line_.inputs, line_.strict ? lidar::Reading::strict : lidar::Reading::tolerant,
                           coloured ? lidar::ColourUse::needed : lidar::ColourUse::unneeded);
    check_inputs(cloud);
    check_system(cloud.coordinates());
    check_units(cloud.coordinates());
    const std::vector<lidar::RunSettings> settings = checked_settings(cloud);
    std::vector<lidar::Scale> scales;
    for (const LidarCommandLine::Pass& pass : passes_) scales.push_back(pass.scale);
    lidar::LasWriter writer(cloud, scales, line_.naming, output_);
    std::optional<lidar::Preview> preview;
    if (picture_) preview.emplace(cloud, scales.front().features, shown(scales.front().features));
    LidarOutcome outcome(line_, cloud);
    outcome.notes = notes(cloud, writer);
    outcome.system = cloud.coordinates().system;
    outcome.read.seconds = since(started);
    {
      Progress bar(line_.output);
      for (std::size_t i = 0; i < passes_.size(); ++i) {
        writer.begin_scale(i);
        outcome.passes.push_back(pass(cloud, settings[i], writer, i == 0 && preview ? &*preview : nullptr, i, bar));
      }
    }
    const auto closing = std::chrono::steady_clock::now();
    outcome.columns = writer.summarize(outcome.passes.front().report.threads);
    count_few_neighbours(outcome);
    // A picture that cannot be written leaves the output as it was.
    if (preview) preview->write(*picture_);
    writer.commit();
    if (picture_) picture_->commit();
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
  static void refuse_terminal(const files::OutputFile& file, const std::string& what) {
    if (!file.terminal()) return;
    throw InvalidArgument(file.path() + ": is a terminal, which cannot show a " + what + "; write to a file or a pipe",
                          {.name = "output"});
  }

  void check_inputs(const lidar::Cloud& cloud) const {
    for (const lidar::LasFile& file : cloud.files()) {
      for (const std::string& written : {line_.output, line_.preview}) {
        std::error_code none;
        if (std::filesystem::equivalent(file.path(), written, none)) {
          throw InvalidArgument(written + ": is also an input; give the output another path", {.name = "output"});
        }
      }
    }
  }

  void check_system(const lidar::JointSystem& joint) const {
    if (line_.strict && !joint.flaws.empty()) throw ParseError(joint.flaws.front(), {.name = "coordinate system"});
  }

  /// Features in units of length make no sense where two coordinates are angles and one is a length.
  void check_units(const lidar::JointSystem& joint) const {
    if (!joint.system.geographic()) return;
    std::string names;
    for (const lidar::Feature feature : passes_.front().scale.features.features()) {
      if (lidar::is_metric(feature)) names.append(names.empty() ? "" : ", ").append(name(feature));
    }
    if (names.empty()) return;
    throw InvalidArgument(joint.path + ": the coordinates are in degrees (" + lidar::printable(joint.system.name) +
                              "), so these features cannot be computed: " + names +
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
          ": the coordinates are in degrees: one degree of longitude counts as one of latitude and as one unit "
          "of height; project the file first for true distances and shapes");
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
    if (!all) which += ": in this file, but not in all, ";
    notes.push_back(fmt::format("{}{} have 8-bit values in 16-bit fields: features multiply them by 257", which, what));
  }

  /// The feature that the picture shows: the one named, else the first that tells surfaces apart.
  [[nodiscard]] lidar::Feature shown(const lidar::FeatureSet& features) const {
    if (!line_.colour.empty()) return lidar::FeatureSet::parse(line_.colour).features().front();
    return features.has(lidar::Feature::planarity) ? lidar::Feature::planarity : features.features().front();
  }

  LidarPass pass(const lidar::Cloud& cloud, lidar::RunSettings settings, lidar::LasWriter& writer, lidar::Sink* preview,
                 std::size_t index, Progress& bar) const {
    settings.progress = [&](std::uint64_t done, std::uint64_t all) {
      bar.show(index * all + done, passes_.size() * all);
    };
    settings.told = [&](const std::string& line) { bar.note(line); };
    lidar::ReachSample reaches(cloud.points(), settings.features.column(lidar::Feature::radius));
    std::vector<lidar::Sink*> sinks{&writer, &reaches};
    if (preview != nullptr) sinks.push_back(preview);
    Several sink(std::move(sinks));
    LidarPass made{.asked = passes_[index], .report = lidar::run_within(cloud, settings, memory_, sink), .reaches = {}};
    made.reaches = reaches.sorted();
    return made;
  }

  /// Of all passes, before the first takes its time.
  [[nodiscard]] std::vector<lidar::RunSettings> checked_settings(const lidar::Cloud& cloud) const {
    std::vector<lidar::RunSettings> all;
    for (const LidarCommandLine::Pass& pass : passes_) {
      all.push_back(settings_of(pass, cloud.coordinates().system));
      if (passes_.size() > 1) lidar::check_within(cloud, all.back(), memory_);
    }
    return all;
  }

  [[nodiscard]] static lidar::MemorySettings memory_of(const LidarCommandLine& line) {
    return {
        .backend = line.device, .limit = line.limit.empty() ? 0 : parse_bytes(line.limit), .pool = line.pool == "on"};
  }

  [[nodiscard]] lidar::RunSettings settings_of(const LidarCommandLine::Pass& asked,
                                               const lidar::CoordinateSystem& system) const {
    lidar::RunSettings settings;
    settings.features = asked.scale.features.with(lidar::Feature::radius);
    settings.k = asked.k;
    settings.radius = asked.radius;
    settings.ground = {system.from_metres(line_.height_radius), line_.height_count};
    settings.chunk = line_.chunk;
    settings.threads = line_.threads;
    settings.reuse = memory_.pool;
    settings.kernel = line_.kernel;
    settings.scratch = output_.folder();
    return settings;
  }

  const LidarCommandLine& line_;
  const lidar::MemorySettings memory_;
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
