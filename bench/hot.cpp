// Runs the matrix of cases and subjects.
#include "hot.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <limits>

namespace bench {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// Asks every subject what it is; those that were not built are absent.
std::vector<std::string> find_subjects(const HotOptions& options, HotRun& run) {
  std::vector<std::string> found;
  for (const std::string& subject : options.subjects) {
    const auto program = sibling("weir_bench_" + subject);
    if (!std::filesystem::exists(program)) {
      run.absent.push_back(subject);
      fmt::print(stderr, "weir_bench: {} is absent: it was not installed when the benches were built\n", subject);
      continue;
    }
    const Output about = run_program(program, {"about"});
    run.versions[subject] = about.text.substr(0, about.text.find('\n'));
    found.push_back(subject);
  }
  return found;
}

void measure(Series& series, const HotOptions& options, HotRun& run) {
  std::vector<std::string> arguments{std::string(series.which->name), std::to_string(series.which->threads),
                                     std::to_string(options.milliseconds)};
  if (options.pin) arguments.emplace_back("pin");
  try {
    series.rounds.push_back(run_for_numbers(sibling("weir_bench_" + series.subject), arguments));
  } catch (const ChildFailed& failure) {
    series.rounds.emplace_back();
    run.failures.push_back(
        fmt::format("{}, {} threads: {}", series.which->name, series.which->threads, failure.what()));
    fmt::print(stderr, "weir_bench: {}\n", run.failures.back());
  }
}

}  // namespace

std::vector<double> Series::values(const std::string& name) const {
  std::vector<double> result;
  for (const Numbers& round : rounds) {
    const auto found = round.find(name);
    result.push_back(found == round.end() ? none : found->second);
  }
  return result;
}

const Series* HotRun::find(std::string_view name, unsigned threads, std::string_view subject) const {
  const auto found = std::find_if(series.begin(), series.end(), [&](const Series& one) {
    return one.which->name == name && one.which->threads == threads && one.subject == subject;
  });
  return found == series.end() ? nullptr : &*found;
}

HotRun run_hot(const HotOptions& options) {
  HotRun run;
  const std::vector<std::string> subjects = find_subjects(options, run);
  for (const Case* which : options.cases) {
    for (const std::string& subject : subjects) run.series.push_back({which, subject, {}});
  }
  const bool terminal = isatty(STDERR_FILENO) != 0;
  for (unsigned round = 0; round < options.rounds; ++round) {
    for (Series& series : run.series) {
      if (terminal) {
        fmt::print(stderr, "\r\033[Kround {} of {}: {}, {}", round + 1, options.rounds, series.which->name,
                   series.subject);
      }
      measure(series, options, run);
    }
  }
  if (terminal) fmt::print(stderr, "\r\033[K");
  return run;
}

std::vector<double> ratios(const Series* one, const Series* other, const std::string& name) {
  if (one == nullptr || other == nullptr) return {};
  std::vector<double> result = one->values(name);
  const std::vector<double> divisors = other->values(name);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] /= divisors[i];
  return result;
}

}  // namespace bench
