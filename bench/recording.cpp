#include "recording.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "figures.hpp"
#include "hot.hpp"

namespace bench {
namespace {

namespace fs = std::filesystem;

/// A folder of this run's own, gone with it.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / fmt::format("weir-bench-recording-{}", getpid())) {
    fs::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string at(const std::string& name) const { return path_ / name; }

 private:
  const fs::path path_;
};

struct Workload {
  std::string name;
  std::vector<std::string> arguments;
};

void write_grid(const std::string& path, int side) {
  std::ofstream file(path);
  const auto node = [&](int row, int column) { return row * side + column; };
  for (int row = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column) {
      if (column + 1 < side) file << node(row, column) << ' ' << node(row, column + 1) << '\n';
      if (row + 1 < side) file << node(row, column) << ' ' << node(row + 1, column) << '\n';
    }
  }
  if (!file.flush()) throw std::system_error(errno, std::generic_category(), path);
}

/// Each does the same work in every run, however long it takes.
std::vector<Workload> workloads(const Folder& folder, const std::string& tile) {
  constexpr int side = 60;
  const std::string grid = folder.at("grid.txt");
  write_grid(grid, side);
  std::vector<Workload> all{
      {"trajectory", {"trajectory", "--device", "host", "--launches", "20000", "-o", folder.at("a.csv")}},
      {"balance train", {"balance", "train", "--device", "host", "--steps", "8000", "--keep-going", "--json"}},
      {"graph", {"graph", grid, "--device", "host", "--steps", "150", "--coarsen", "off", "-o", folder.at("a.json")}}};
  if (fs::exists(tile)) {
    all.push_back({"lidar", {"lidar", tile, "--device", "host", "-o", folder.at("a.las"), "--json"}});
  }
  return all;
}

/// Processor seconds of a run of the tool, all its threads together.
double run_tool(const Workload& workload, const std::optional<std::string>& record) {
  constexpr std::chrono::seconds patience{600};
  const auto used = [] {
    rusage all{};
    getrusage(RUSAGE_CHILDREN, &all);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(all.ru_utime) + seconds(all.ru_stime);
  };
  if (record) setenv("WEIR_RECORD", record->c_str(), 1);
  const double before = used();
  const Output output = run_program(sibling("weir"), workload.arguments, patience);
  unsetenv("WEIR_RECORD");
  if (output.status != 0) {
    throw ChildFailed(fmt::format("weir {}: ended with status {}", workload.name, output.status));
  }
  return used() - before;
}

struct Runs {
  std::vector<double> seconds, percent, kilobytes;
};

}  // namespace

BuffersReport run_recording(unsigned rounds, const std::string& tile) {
  constexpr std::chrono::seconds patience{600};
  const Folder folder;
  unsetenv("WEIR_RECORD");
  const std::vector<Workload> chosen = workloads(folder, tile);
  Series series;
  std::vector<Runs> runs(chosen.size());
  for (unsigned round = 0; round < rounds; ++round) {
    series.rounds.push_back(run_for_numbers(sibling("weir_bench_recording"), {folder.at("")}, patience));
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const std::string file = folder.at("run.weir");
      double with = 0, without = 0;
      // The one that comes first finds other caches than the second.
      if (round % 2 == 0) without = run_tool(chosen[i], {});
      with = run_tool(chosen[i], file);
      if (round % 2 != 0) without = run_tool(chosen[i], {});
      runs[i].seconds.push_back(without);
      runs[i].percent.push_back(100 * (with - without) / without);
      runs[i].kilobytes.push_back(static_cast<double>(fs::file_size(file)) / 1024);
    }
  }
  using Bar = Figure::Bar;
  std::vector<Figure> figures;
  for (const std::string name : {"lifo_1", "random_1000"}) {
    const auto of = [&](const char* what) { return series.values((name + what).c_str()); };
    figures.push_back({name + ": an operation without a recording, ns", of("_off_ns")});
    figures.push_back({"  an event, of the thread that allocates, ns", of("_tap_ns"), Bar::at_most, 18});
    std::vector<double> file = of("_all_ns");
    const std::vector<double> tap = of("_tap_ns");
    for (std::size_t i = 0; i < file.size(); ++i) file[i] -= tap[i];
    figures.push_back({"  an event, packing and writing by the recorder's thread, ns", file, Bar::at_most, 30});
    figures.push_back({"  bytes of the file an event", of("_bytes")});
    figures.push_back({"  events lost", of("_lost"), Bar::at_most, 0});
    figures.push_back({"  nothing but pairs, without a pause: times as long", of("_on_end_times")});
    figures.push_back({"    percent of these events lost", of("_on_end_lost_percent")});
  }
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    figures.push_back({"weir " + chosen[i].name + ": seconds of processors", runs[i].seconds});
    figures.push_back({"  added by a recording, percent", runs[i].percent, Bar::at_most, 5});
    figures.push_back({"  the recording, KiB", runs[i].kilobytes});
  }
  BuffersReport report;
  report.text =
      fmt::format(
          "{} rounds, pairs in a fresh process each; the tool's workloads whole, with WEIR_RECORD and without "
          "in turn. The tap's clock is the processor's counter.\n\n",
          rounds) +
      figures_text(figures);
  report.rows = figures_json(figures);
  report.raw = {{"pairs", series.rounds}};
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    report.raw["workloads"][chosen[i].name] = {
        {"seconds", runs[i].seconds}, {"percent", runs[i].percent}, {"kilobytes", runs[i].kilobytes}};
  }
  return report;
}

}  // namespace bench
