#include "trajectory_options.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string_view>

#include <weir/errors.hpp>

namespace weir::tool {
namespace {

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// One number, or two with a colon between them.
void parse(const std::string& option, const std::string& text, compute::Range& range) {
  if (text.empty()) return;
  const std::size_t colon = text.find(':');
  const auto low = number<double>(std::string_view(text).substr(0, colon));
  const auto high = colon == std::string::npos ? low : number<double>(std::string_view(text).substr(colon + 1));
  if (!low || !high) {
    throw InvalidArgument("--" + option + ": " + text + " is not a number, or two as LOW:HIGH", {.name = option});
  }
  range = {*low, *high};
}

void require_suffix(const char* option, const std::string& path, const std::string& suffix) {
  std::string found = std::filesystem::path(path).extension().string();
  std::ranges::transform(found, found.begin(), [](unsigned char each) { return std::tolower(each); });
  std::error_code none;
  const bool special = std::filesystem::is_other(std::filesystem::status(path, none)) ||
                       std::filesystem::is_character_file(std::filesystem::status(path, none));
  if (path.empty() || path == "-" || found.empty() || found == suffix || special) return;
  throw CLI::ValidationError(option, path + ": is written as " + suffix.substr(1) + "; name it " + suffix);
}

}  // namespace

void TrajectoryCommandLine::check() const {
  require_suffix("--output", output, ".csv");
  require_suffix("--picture", picture, ".png");
}

std::uint64_t TrajectoryCommandLine::launch_count() const {
  const auto count = number<std::uint64_t>(launches);
  if (!count || *count == 0 || *count > trajectory::max_launches) {
    throw InvalidArgument("--launches is " + launches + ", and has to be a whole number from 1 to " +
                              std::to_string(trajectory::max_launches),
                          {.name = "launches", .limit = trajectory::max_launches});
  }
  return *count;
}

trajectory::LaunchRanges TrajectoryCommandLine::ranges() const {
  trajectory::LaunchRanges ranges;
  parse("speed", speed, ranges.speed);
  parse("angle", angle, ranges.angle);
  parse("spin", spin, ranges.spin);
  parse("axis", axis, ranges.axis);
  parse("wind", wind, ranges.wind);
  parse("wind-direction", wind_direction, ranges.wind_direction);
  ranges.check();
  return ranges;
}

trajectory::RunSettings TrajectoryCommandLine::settings() const {
  return {.physics = {.drag = drag == "on", .lift = lift == "on", .tolerance = tolerance},
          .chunk = chunk,
          .threads = threads,
          .kernels = kernels,
          .floats = floats,
          .progress = {}};
}

CLI::App* add_trajectory_options(CLI::App& app, const std::shared_ptr<TrajectoryCommandLine>& line) {
  auto* command = app.add_subcommand("trajectory", "Follow golf balls from random launches to the ground");
  TrajectoryCommandLine& a = *line;
  command->add_option("-o,--output", a.output, "The CSV file to write, a row a launch; - is the standard output")
      ->required();
  command->add_option("--launches", a.launches, "Number of launches, up to 10000000")->capture_default_str();
  command->add_option("--seed", a.seed, "Of the random launches")->capture_default_str();
  command->add_option("--speed", a.speed, "m/s; as all of these one number, or LOW:HIGH to draw from (default: 40:80)");
  command->add_option("--angle", a.angle, "Degrees above the ground (default: 8:25)");
  command->add_option("--spin", a.spin, "Backspin, revolutions a minute (default: 1500:6000)");
  command->add_option("--axis", a.axis, "Tilt of the spin's axis, degrees; above 0 turns right (default: -15:15)");
  command->add_option("--wind", a.wind, "m/s at 10 m (default: 0:8)");
  command->add_option("--wind-direction", a.wind_direction,
                      "Where the wind blows to, degrees: 0 from behind, 90 to the right (default: -180:180)");
  command->add_option("--drag", a.drag, "off: nothing slows the ball")->check(CLI::IsMember({"on", "off"}));
  command->add_option("--lift", a.lift, "off: spin does nothing")->check(CLI::IsMember({"on", "off"}));
  command->add_option("--tolerance", a.tolerance, "Error that a step may have, m and m/s")->capture_default_str();
  command->add_option("--chunk", a.chunk, "Launches in a chunk (default: as memory allows)")
      ->check(CLI::PositiveNumber);
  command->add_option("--limit", a.limit, "Limit of device memory, e.g. 64MiB");
  command->add_option("--device", a.device,
                      "Where to compute: host, vulkan or cuda (default: the best that is not emulated)");
  command->add_option("--kernels", a.kernels, "Kernels of the host: x86-64, x86-64-v3, x86-64-v4 (default: the best)");
  command->add_option("--threads", a.threads, "Threads of the host (default: one for each core)")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--floats", a.floats, "Numbers of 32 bits on Vulkan: faster on most GPUs, within some centimetres");
  auto* picture = command->add_option("--picture", a.picture, "Also draw some of the paths from the side, a PNG file");
  command->add_option("--colour", a.colour, "What colours the picture's paths: spin, speed, angle or wind")
      ->needs(picture);
  command->add_flag("--json", a.json, "Print one JSON object on stdout");
  return command;
}

}  // namespace weir::tool
