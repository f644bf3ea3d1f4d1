// What a recording costs. Pairs that are hits, in turns with and without a recording to a file:
// what the thread that allocates pays an event, and what all threads together pay, the
// recorder's packing and writing included. Pools are made anew for each turn, in one process.
// Then the tool's workloads, run whole with WEIR_RECORD and without in turns, by the time of
// their processes. `weir_bench_recording [TOOL]`; prints a table with the quartiles.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <weir/weir.hpp>

#include "pairs.hpp"

namespace {

using bench::clock_ns;
namespace fs = std::filesystem;

constexpr int rounds = 15;
constexpr int turns_a_round = 50;  // a million pairs

/// Sorted, for its quartiles.
void row(const char* name, std::vector<double> values, const char* unit) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) { return values[static_cast<std::size_t>(share * double(values.size() - 1))]; };
  std::printf("%-58s %9.2f %9.2f %9.2f  %s\n", name, at(0.25), at(0.5), at(0.75), unit);
}

struct Cost {
  double thread = 0;   ///< of the thread that allocates, nanoseconds an operation
  double process = 0;  ///< of all threads
};

Cost run_pairs(std::size_t blocks, const std::string& file) {
  weir::Pool pool(weir::open_device({.backend = "host", .capacity = {}}), {.record = {.file = file}});
  bench::Pairs work(pool, blocks);
  work.turn();
  const double process = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  const double thread = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  for (int turn = 0; turn < turns_a_round; ++turn) work.turn();
  const double own = clock_ns(CLOCK_THREAD_CPUTIME_ID) - thread;
  weir::flush_recordings();  // by this thread, or the recorder's: it is work of the recording
  constexpr double operations = 2.0 * bench::Pairs::in_a_turn * turns_a_round;
  return {own / operations, (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - process) / operations};
}

void measure_pairs(const char* name, std::size_t blocks, const std::string& file) {
  std::vector<double> off, thread, process, bytes, lost;
  for (int round = 0; round < rounds; ++round) {
    const Cost without = run_pairs(blocks, {});
    const auto before = weir::recordings();
    const Cost with = run_pairs(blocks, file);
    const auto after = weir::recordings();
    const weir::RecordingStatus none;
    const weir::RecordingStatus& then = before.empty() ? none : before.front();
    const weir::RecordingStatus& now = after.front();
    const auto events = static_cast<double>(now.events - then.events);
    off.push_back(without.thread);
    thread.push_back(with.thread - without.thread);
    process.push_back(with.process - without.process);
    bytes.push_back(static_cast<double>(now.bytes - then.bytes) / events);
    lost.push_back(100 * static_cast<double>(now.lost - then.lost) / events);
  }
  const std::string prefix = name;
  row((prefix + ": an operation without a recording").c_str(), off, "ns");
  row((prefix + ": the tap, an event, of its thread").c_str(), thread, "ns");
  row((prefix + ": the file, an event, of all threads").c_str(), process, "ns");
  row((prefix + ": the file").c_str(), bytes, "B an event");
  row((prefix + ": lost").c_str(), lost, "%");
}

/// Seconds of processor time of a run of a program.
double run_program(const std::vector<std::string>& words, const std::optional<std::string>& record) {
  const pid_t child = fork();
  if (child == 0) {
    if (record) setenv("WEIR_RECORD", record->c_str(), 1);
    if (!record) unsetenv("WEIR_RECORD");
    static_cast<void>(std::freopen("/dev/null", "w", stdout));
    static_cast<void>(std::freopen("/dev/null", "w", stderr));
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  rusage used{};
  wait4(child, &status, 0, &used);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error(words[0] + " failed");
  const auto seconds = [](const timeval& time) { return double(time.tv_sec) + 1e-6 * double(time.tv_usec); };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void measure_program(const char* name, const std::vector<std::string>& words, const std::string& file) {
  constexpr int runs = 7;
  std::vector<double> percent, seconds;
  for (int run = 0; run < runs; ++run) {
    const double without = run_program(words, {});
    const double with = run_program(words, file);
    seconds.push_back(without);
    percent.push_back(100 * (with - without) / without);
  }
  row((std::string(name) + ": without a recording").c_str(), seconds, "s of the processors");
  row((std::string(name) + ": a recording adds").c_str(), percent, "%");
  std::printf("%-58s %9ju B\n", (std::string(name) + ": the recording has").c_str(), fs::file_size(file));
}

}  // namespace

int main(int argc, char** argv) try {
  const fs::path folder = fs::temp_directory_path() / ("weir-bench-" + std::to_string(getpid()));
  fs::create_directories(folder);
  std::printf("%-58s %9s %9s %9s\n", "", "25 %", "median", "75 %");
  const std::string file = folder / "pairs.weir";
  measure_pairs("lifo_1", 1, file);
  measure_pairs("random_1000", 1000, file);
  const std::string tool = argc > 1 ? argv[1] : (fs::path(argv[0]).parent_path() / "weir").string();
  if (fs::exists(tool)) {
    measure_program("trajectory",
                    {tool, "trajectory", "--device", "host", "--launches", "20000", "-o", folder / "a.csv"},
                    folder / "trajectory.weir");
    measure_program("balance", {tool, "balance", "bench", "--device", "host"}, folder / "balance.weir");
  }
  fs::remove_all(folder);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "weir_bench_recording: %s\n", error.what());
  return 1;
}
