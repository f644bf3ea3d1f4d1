// What a recording costs a program of nothing but hits, in one process with two pools, of which one is recorded to a
// file. They take turns of fewer events than a ring has space for, and the recorder empties the ring between two turns:
// so the difference of the thread's own time is the tap, and that of the process' time is the tap, the packing and the
// writing. Then both run without a pause, faster than a core can write. Started by `weir_bench recording`, or by hand
// with a folder for the files; prints one line of `name value` pairs.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <weir/weir.hpp>

#include "pairs.hpp"

namespace {

using bench::clock_ns;
using bench::median;

constexpr int turns = 201, warm_up = 10;
constexpr std::uint64_t pairs_a_turn = 7'500;      // 15,000 events: less than half a ring, which wakes the recorder
constexpr std::uint64_t pairs_on_end = 1'000'000;  // far more than a ring has
constexpr double operations_a_turn = 2.0 * pairs_a_turn;

weir::Pool make_pool(const std::string& file) {
  return weir::Pool(weir::open_device({.backend = "host", .capacity = {}}), {.record = {.file = file}});
}

weir::RecordingStatus status_of(const std::string& file) {
  for (const weir::RecordingStatus& each : weir::recordings()) {
    if (each.file == file) return each;
  }
  throw weir::NotFound("no recording " + file, {.name = file});
}

/// Waits for the recorder's own thread to take in all that was written to the taps.
void wait_for_events(const std::string& file, std::uint64_t events) {
  constexpr auto look = std::chrono::milliseconds(23);  // a little more than the recorder sleeps: a look costs, too
  for (int looks = 0; looks < 1'000; ++looks) {
    std::this_thread::sleep_for(look);
    const weir::RecordingStatus now = status_of(file);
    if (!now.error.empty()) throw weir::DriverError(now.error, {.name = file});
    if (now.events + now.lost >= events) return;
  }
  throw weir::Timeout("the recorder stands still");
}

void measure(const char* name, std::size_t blocks, const std::string& file) {
  weir::Pool bare_pool = make_pool({}), recorded_pool = make_pool(file);
  bench::Pairs bare(bare_pool, blocks), recorded(recorded_pool, blocks);
  weir::flush_recordings();
  std::uint64_t expected = status_of(file).events;
  std::vector<double> off, tap, all;
  std::uint64_t bytes_before = 0, events_before = 0;
  for (int turn = -warm_up; turn < turns; ++turn) {
    if (turn == 0) {
      weir::flush_recordings();
      const weir::RecordingStatus now = status_of(file);
      bytes_before = now.bytes, events_before = now.events;
    }
    const double without = bare.timed_turn(pairs_a_turn);
    const double process = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    const double with = recorded.timed_turn(pairs_a_turn);
    expected += 2 * pairs_a_turn;
    wait_for_events(file, expected);
    const double used = (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - process) / operations_a_turn;
    if (turn < 0) continue;
    off.push_back(without);
    tap.push_back(with - without);
    all.push_back(used - without);
  }
  weir::flush_recordings();
  const weir::RecordingStatus paced = status_of(file);
  const double began = clock_ns(CLOCK_MONOTONIC);
  bare.turn(pairs_on_end);
  const double between = clock_ns(CLOCK_MONOTONIC);
  recorded.turn(pairs_on_end);
  const double ended = clock_ns(CLOCK_MONOTONIC);
  weir::flush_recordings();
  const weir::RecordingStatus on_end = status_of(file);
  // Turns that others disturb come out long, so the middle one of many stands for all.
  std::printf(
      "%s_off_ns %.9g %s_tap_ns %.9g %s_all_ns %.9g %s_bytes %.9g %s_lost %.9g %s_on_end_times %.9g "
      "%s_on_end_lost_percent %.9g ",
      name, median(off), name, median(tap), name, median(all), name,
      static_cast<double>(paced.bytes - bytes_before) / static_cast<double>(paced.events - events_before), name,
      static_cast<double>(paced.lost), name, (ended - between) / (between - began), name,
      100 * static_cast<double>(on_end.lost - paced.lost) / (2.0 * pairs_on_end));
}

}  // namespace

int main(int argc, char** argv) try {
  const std::filesystem::path folder = argc > 1 ? argv[1] : ".";
  measure("lifo_1", 1, folder / "lifo_1.weir");
  measure("random_1000", 1000, folder / "random_1000.weir");
  std::printf("\n");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "weir_bench_recording: %s\n", error.what());
  return 1;
}
