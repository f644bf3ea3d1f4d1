// The cases of `weir_bench hot`: what the parent asks for by name and what every subject runs.
// The names are an interface that scripts rely on. Read by the parent and by the driver.
#pragma once

#include <array>
#include <string_view>

namespace bench {

struct Case {
  std::string_view name;
  unsigned threads = 1;
  /// Serve from behind the thread cache, where the subject can be told to.
  bool bypass_cache = false;
  /// In the JSON that scripts read; the others are run for the table, or when asked for by name.
  bool standard = true;
  /// Each thread on a stream of its own, where the subject has streams.
  bool streams = false;
  std::string_view what;
};

inline constexpr std::array cases = {
    Case{"lifo_1", 1, false, true, false, "1 MiB blocks, last in first out, 1 deep"},
    Case{"lifo_64", 1, false, true, false, "1 MiB blocks, last in first out, 64 deep"},
    Case{"random_1000", 1, false, true, false, "1,000 live blocks of 256 B to 4 MiB (log-uniform), replaced at random"},
    Case{"random_1000", 2, false, true, false, "the same, two threads with 1,000 blocks each"},
    Case{"random_1000_streams", 2, false, true, true,
         "the same, each thread on a stream of its own where there are streams"},
    Case{"holes_100", 1, true, true, false, "1 KiB pairs past the cache, behind 100 free holes of 512 B"},
    Case{"holes_65536", 1, true, true, false, "the same behind 65,536 holes"},
    Case{"holes_near_100", 1, true, false, false,
         "32.5 KiB pairs behind 100 holes of 32 KiB, too small but of the same bin"},
    Case{"holes_near_65536", 1, true, false, false, "the same behind 65,536 holes"},
    Case{"rmm_random_100000_1", 1, false, true, false,
         "RMM's random_allocations, n = 100,000, sizes to 1 MiB, again on one pool"},
};

/// Allocations of the rmm case; its ns_per_pair is the total time over this.
inline constexpr unsigned rmm_allocations = 100'000;

/// The case of that name and number of threads, or nullptr.
constexpr const Case* find_case(std::string_view name, unsigned threads) {
  for (const Case& one : cases) {
    if (one.name == name && one.threads == threads) return &one;
  }
  return nullptr;
}

}  // namespace bench
