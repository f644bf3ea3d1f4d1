// A history in levels of detail, so that a picture of any part of it costs about its width in pixels.
// A level cuts the changes into buckets of the same number of them, four times as many at each level,
// and keeps of each bucket the moment at which most was requested. Read by the report.
#pragma once

#include <cstdint>
#include <vector>

#include "replay/history.hpp"
#include "replay/history_bands.hpp"

namespace weir::replay {

struct Bucket {
  /// The first change after which the most was requested; `requested` and `bands` are of that moment.
  std::uint32_t highest = 0;
  std::uint64_t requested = 0;
  std::uint64_t lowest = 0;     ///< least requested bytes after any of its changes
  std::uint64_t allocated = 0;  ///< most bytes after any of its changes
  std::uint64_t reserved = 0;   ///< likewise
  // How the requests were served.
  std::uint32_t cache = 0;
  std::uint32_t arena = 0;
  std::uint32_t miss = 0;
};

struct Level {
  std::uint32_t step = 0;  ///< changes in a bucket; the last may have fewer
  std::vector<Bucket> buckets;
  std::vector<std::uint64_t> bands;  ///< requested bytes of each band, bucket by bucket
};

/// The books before every `Levels::first_step` changes, and at the end.
struct Checkpoint {
  std::uint64_t allocated = 0;
  std::uint64_t reserved = 0;
};

struct Levels {
  static constexpr std::uint32_t first_step = 64;
  static constexpr std::uint32_t factor = 4;

  std::vector<Level> levels;  ///< the finest first; at least one, the last of at most `few` buckets
  std::vector<Checkpoint> checkpoints;
  std::vector<std::uint64_t> checkpoint_bands;  ///< requested bytes of each band, checkpoint by checkpoint

  static constexpr std::size_t few = 256;
};

[[nodiscard]] Levels levels_of(const History& history, const Bands& bands);

}  // namespace weir::replay
