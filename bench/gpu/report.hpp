// What the GPU benches print: rounds of a measurement with their median and spread, as one line of tab-separated fields
// that scripts/gpu/table reads. Knows nothing of CUDA, so that any program can include it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace weir::bench::gpu {

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Calls `round` once to warm up, then `rounds` times; each gives one value. Prints name, median, least, most, unit.
template <class Round>
double report(const std::string& name, const char* unit, int rounds, Round round) {
  static_cast<void>(round());
  std::vector<double> values;
  for (int i = 0; i < rounds; ++i) values.push_back(round());
  std::sort(values.begin(), values.end());
  const double median = values[values.size() / 2];
  std::printf("%s\t%.4g\t%.4g\t%.4g\t%s\n", name.c_str(), median, values.front(), values.back(), unit);
  std::fflush(stdout);
  return median;
}

/// A figure of its own, without a spread.
inline void report(const std::string& name, double value, const char* unit) {
  std::printf("%s\t%.6g\t%.6g\t%.6g\t%s\n", name.c_str(), value, value, value, unit);
  std::fflush(stdout);
}

/// Runs `body`; what it throws is shown, and status 1.
template <class Body>
int guarded(Body body) {
  try {
    body();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "failed: %s\n", error.what());
    return 1;
  }
}

}  // namespace weir::bench::gpu
