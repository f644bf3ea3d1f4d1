// `weir lidar`: features of every point of one or more LAS files, into a LAS file.
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <weir/bytes.hpp>

#include "commands.hpp"
#include "progress.hpp"
#include "workloads/lidar/cloud.hpp"
#include "workloads/lidar/las_writer.hpp"
#include "workloads/lidar/pipeline.hpp"
#include "workloads/lidar/preview.hpp"

namespace weir::tool {
namespace {

struct Arguments {
  std::vector<std::string> inputs;
  std::string output;
  std::uint32_t k = 20;
  double radius = 0;
  std::string features = "geometry";
  std::size_t chunk = 0;
  std::string limit, device, kernel, pool = "on", preview, colour;
  unsigned threads = 0;
  bool json = false;
};

/// Rows to the file and to the picture.
class Both : public lidar::Sink {
 public:
  Both(lidar::Sink& file, lidar::Sink* picture) : file_(file), picture_(picture) {}
  void take(const lidar::FeatureRows& rows) override {
    file_.take(rows);
    if (picture_ != nullptr) picture_->take(rows);
  }

 private:
  lidar::Sink& file_;
  lidar::Sink* picture_;
};

lidar::RunSettings settings_of(const Arguments& arguments) {
  lidar::RunSettings settings;
  settings.features = lidar::FeatureSet::parse(arguments.features);
  settings.k = arguments.k;
  settings.radius = arguments.radius;
  settings.chunk = arguments.chunk;
  if (!arguments.limit.empty()) settings.limit = parse_bytes(arguments.limit);
  settings.threads = arguments.threads;
  settings.pool = arguments.pool == "on";
  settings.backend = arguments.device;
  settings.kernel = arguments.kernel;
  settings.scratch = std::filesystem::path(arguments.output).parent_path().string();
  return settings;
}

/// The feature that the picture shows: the one named, else the first that tells surfaces apart.
lidar::Feature shown(const Arguments& arguments, const lidar::FeatureSet& features) {
  if (!arguments.colour.empty()) return lidar::FeatureSet::parse(arguments.colour).features().front();
  return features.has(lidar::Feature::planarity) ? lidar::Feature::planarity : features.features().front();
}

nlohmann::ordered_json stage(const lidar::StageTime& time, std::uint64_t points) {
  return {{"seconds", time.seconds}, {"points_per_second", time.points_per_second(points)}};
}

void print_json(const lidar::RunReport& report) {
  nlohmann::ordered_json all{{"points", report.points},
                             {"read", stage(report.read, report.points)},
                             {"neighbours_features", stage(report.compute, report.points)},
                             {"write", stage(report.write, report.points)},
                             {"total", stage(report.total, report.points)},
                             {"memory_high_water", report.memory_high_water},
                             {"pinned_high_water", report.pinned_high_water},
                             {"reuse_rate", report.reuse_rate},
                             {"hit_rate", report.hit_rate},
                             {"fragmentation", report.fragmentation},
                             {"driver_calls_after_first_chunk", report.driver_calls_after_first_chunk},
                             {"allocation_seconds", report.allocation_seconds},
                             {"chunks", report.chunks},
                             {"chunk_points", report.chunk_points},
                             {"coincident", report.coincident},
                             {"beyond_halo", report.beyond_halo},
                             {"device", report.device},
                             {"kernel", report.kernel},
                             {"threads", report.threads}};
  if (!report.height.empty()) all["height_above_ground"] = report.height;
  fmt::print("{}\n", all.dump());
}

void print_text(const Arguments& arguments, const lidar::RunReport& report) {
  fmt::print("{}: {} points in {} chunks of up to {}, on {} with {} kernels, {} threads\n", arguments.output,
             report.points, report.chunks, report.chunk_points, report.device, report.kernel, report.threads);
  const auto line = [&](const char* name, const lidar::StageTime& time) {
    fmt::print("  {:<20} {:>9.3f} s {:>14.0f} points/s\n", name, time.seconds, time.points_per_second(report.points));
  };
  line("read", report.read);
  line("neighbours+features", report.compute);
  line("write", report.write);
  line("total", report.total);
  fmt::print("  memory high-water {} (pinned {}), reuse {:.1f} %, hits {:.1f} %, fragmentation {:.1f} %\n",
             format_bytes(report.memory_high_water), format_bytes(report.pinned_high_water), 100 * report.reuse_rate,
             100 * report.hit_rate, 100 * report.fragmentation);
  fmt::print("  driver calls for memory after the first chunk {}, allocation {:.3f} ms\n",
             report.driver_calls_after_first_chunk, 1000 * report.allocation_seconds);
  if (report.coincident != 0) fmt::print("  {} points have all neighbours at their own place\n", report.coincident);
  if (report.beyond_halo != 0)
    fmt::print("  {} points had neighbours looked for past their halo\n", report.beyond_halo);
  if (!report.height.empty()) fmt::print("  height_above_ground: {}\n", report.height);
  fmt::print("{}", report.scopes);
}

void execute(const Arguments& arguments) {
  lidar::RunSettings settings = settings_of(arguments);
  const auto started = std::chrono::steady_clock::now();
  files::OutputFile output(arguments.output);
  std::optional<files::OutputFile> picture;
  if (!arguments.preview.empty()) picture.emplace(arguments.preview);
  if (picture && picture->same_as(output)) {
    throw InvalidArgument(arguments.preview + ": is the output too; the picture goes elsewhere", {.name = "preview"});
  }
  const lidar::Cloud cloud = lidar::Cloud::open(arguments.inputs);
  for (const lidar::LasFile& file : cloud.files()) {
    for (const std::string& written : {arguments.output, arguments.preview}) {
      std::error_code none;
      if (std::filesystem::equivalent(file.path(), written, none)) {
        throw InvalidArgument(written + ": is an input too; the output goes elsewhere", {.name = "output"});
      }
    }
  }
  lidar::LasWriter writer(cloud, settings.features, output);
  std::optional<lidar::Preview> preview;
  if (picture) preview.emplace(cloud, settings.features, shown(arguments, settings.features));
  Both sink(writer, preview ? &*preview : nullptr);
  const double opening = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();

  Progress bar(arguments.output);
  settings.progress = [&](std::uint64_t done, std::uint64_t all) { bar.show(done, all); };
  lidar::RunReport report = lidar::run(cloud, settings, sink);
  const auto closing = std::chrono::steady_clock::now();
  writer.commit();
  if (preview) preview->write(*picture);
  const double end = std::chrono::duration<double>(std::chrono::steady_clock::now() - closing).count();
  report.read.seconds += opening;
  report.write.seconds += end;
  report.total.seconds += opening + end;
  if (arguments.json) {
    print_json(report);
  } else {
    print_text(arguments, report);
  }
}

}  // namespace

void add_lidar(CLI::App& app, int&) {
  auto* command = app.add_subcommand("lidar", "Features of each point of LAS files, from its neighbours");
  auto a = std::make_shared<Arguments>();
  command->add_option("inputs", a->inputs, "LAS files; several are one cloud")->required();
  command->add_option("-o,--output", a->output, "The LAS 1.4 file to write")->required();
  auto* k = command->add_option("--k", a->k, "Neighbours, the point itself included")
                ->check(CLI::Range(1, 128))
                ->capture_default_str();
  command->add_option("--radius", a->radius, "All neighbours within this distance instead")
      ->check(CLI::PositiveNumber)
      ->excludes(k);
  command->add_option("--features", a->features, "minimal, lod2, lod3, geometry, full, or names with commas")
      ->capture_default_str();
  command->add_option("--chunk", a->chunk, "Points of a chunk (default: as memory allows)")->check(CLI::PositiveNumber);
  command->add_option("--limit", a->limit, "Bound on device memory, e.g. 4GiB");
  command->add_option("--device", a->device,
                      "Where to compute: host, vulkan or cuda (default: the best that is no emulation)");
  command->add_option("--kernel", a->kernel, "Kernels of the host: x86-64, x86-64-v3, x86-64-v4 (default: the best)");
  command->add_option("--threads", a->threads, "Threads of the host (default: one a core)")->check(CLI::Range(1, 1024));
  command->add_option("--pool", a->pool, "off: the driver makes each buffer")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  auto* preview = command->add_option("--preview", a->preview, "Also a picture from above, a PNG file");
  command->add_option("--colour", a->colour, "The feature that the picture shows")->needs(preview);
  command->add_flag("--json", a->json, "One JSON object on stdout");
  command->callback([a] { execute(*a); });
}

}  // namespace weir::tool
