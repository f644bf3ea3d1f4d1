// The benches' own test: the statistics on values worked out by hand, the shape of the JSON that
// scripts rely on, and that a regression is caught, by runs whose numbers are made up and by baselines
// that weir cannot and cannot fail to meet. Every run is a single short round: no time is judged here.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "child.hpp"
#include "spread.hpp"
#include "verdict.hpp"

namespace {

int faults = 0;

void expect(bool holds, const std::string& what) {
  if (holds) return;
  ++faults;
  std::printf("FAILED: %s\n", what.c_str());
}

bench::Output weir_bench(std::vector<std::string> arguments) {
  for (const char* word : {"--rounds", "1", "--milliseconds", "1"}) arguments.emplace_back(word);
  return bench::run_program(bench::sibling("weir_bench"), arguments);
}

void test_spread() {
  const bench::Spread five = bench::spread({5, 1, 4, 2, 3});
  expect(five.low == 2 && five.median == 3 && five.high == 4, "the quartiles of 1 … 5 are 2, 3 and 4");
  const bench::Spread four = bench::spread({4, 3, 2, 1});
  expect(four.low == 1.75 && four.median == 2.5 && four.high == 3.25, "quartiles of 1 … 4 lie between the values");
  const bench::Spread one = bench::spread({7, std::nan("")});
  expect(one.low == 7 && one.median == 7 && one.high == 7, "a single value is its own quartiles, NaN is left out");
  expect(std::isnan(bench::spread({}).median), "nothing has no median");
}

void test_json() {
  const bench::Output output =
      weir_bench({"hot", "--json", "--case", "lifo_1", "--case", "random_1000", "--case", "holes_100"});
  expect(output.status == 0, "hot --json ends with status 0");
  const auto rows = nlohmann::json::parse(output.text, nullptr, false);
  expect(rows.is_array() && !rows.empty(), "hot --json prints an array and nothing else");
  if (!rows.is_array()) return;
  std::set<std::string> weir;
  for (const auto& row : rows) {
    std::set<std::string> keys;
    for (const auto& [key, value] : row.items()) keys.insert(key);
    expect(keys == std::set<std::string>{"case", "subject", "threads", "ns_per_pair", "low", "high"},
           "a row has the fields that scripts rely on: " + row.dump());
    const double ns = row.value("ns_per_pair", 0.0);
    expect(ns > 0 && row.value("low", 0.0) <= ns && ns <= row.value("high", 0.0), "quartiles in order: " + row.dump());
    if (row.value("subject", "") == "weir") weir.insert(row.value("case", "") + "/" + row["threads"].dump());
  }
  expect(weir == std::set<std::string>{"lifo_1/1", "random_1000/1", "random_1000/2", "holes_100/1"},
         "weir has a row for every case asked for, and no other");
}

void test_command_line() {
  expect(weir_bench({"hot", "--case", "gone"}).status == 2, "an unknown case ends with status 2");
  const bench::Output table = weir_bench({"hot", "--case", "lifo_1", "--subject", "weir", "--verbose"});
  expect(table.status == 0 && table.text.find("lifo_1") != std::string::npos, "without --json there is a table");
  expect(table.text.find("not measured") != std::string::npos, "a bar without a measurement has no verdict");
}

void test_baseline() {
  // Of weir alone, so that it holds where no peer is installed.
  const auto against = [](double ratio) {
    const auto file = std::filesystem::temp_directory_path() / ("weir_bench_" + std::to_string(getpid()) + ".json");
    std::ofstream(file) << nlohmann::json{{"ratios", {{"holes_65536 ÷ holes_100", ratio}}}};
    const int status = weir_bench({"--against", file.string(), "--case", "holes_100", "--case", "holes_65536"}).status;
    std::filesystem::remove(file);
    return status;
  };
  // Bars are judged too, and one short round may well be past one.
  int met = 1;
  for (int tries = 0; tries < 10 && met != 0; ++tries) met = against(1e6);
  expect(met == 0, "a baseline that is met ends with status 0");
  expect(against(1e-6) == 1, "a fabricated regression ends with status 1");
  expect(weir_bench({"--against", "there_is_no_such_file"}).status == 1, "a missing baseline ends with status 1");
}

// A run of numbers made up: weir takes `ratio` times what mimalloc takes, in one case.
bench::HotRun made_up(const char* name, double ratio) {
  bench::HotRun run;
  for (const bench::Case& one : bench::cases) {
    if (one.name != std::string(name) || one.threads != 1) continue;
    run.series.push_back({&one, "weir", {{{"ns_per_pair", ratio * 50}}}});
    run.series.push_back({&one, "mimalloc", {{{"ns_per_pair", 50}}}});
  }
  return run;
}

void test_verdict() {
  const std::string ratio = "random_1000, 1 thread: weir ÷ mimalloc";
  const auto of = [&](double before, double now) {
    return bench::findings({{ratio, before}}, made_up("random_1000", now), 0.25);
  };
  expect(of(0.26, 0.27).empty(), "within the margin and the bar is no finding");
  expect(of(0.20, 0.27).count(ratio) == 1 && of(0.20, 0.27).size() == 1, "past the margin is one, also within the bar");
  const auto lax = of(0.379, 0.379);
  expect(lax.size() == 1 && lax.count(ratio) == 0, "past the bar is one, though the baseline is no better");
  expect(of(0.26, 0.5).size() == 2, "past both is two");
  expect(bench::findings({}, made_up("random_1000", 0.5), 0.25).size() == 1, "a bar needs no baseline");
  expect(bench::findings({}, made_up("lifo_1", 0.11), 0.25).size() == 1, "lifo_1 has a bar");
  expect(bench::findings({{ratio, 0.1}}, made_up("lifo_1", 0.09), 0.25).empty(), "what was not measured is no finding");
  expect(bench::findings({}, made_up("rmm_random_100000_1", 1e6), 0.25).empty(), "a time past its bar is no finding");
}

}  // namespace

int main() {
  test_spread();
  test_verdict();
  test_json();
  test_command_line();
  test_baseline();
  std::printf("%d faults\n", faults);
  return faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
