// What stands out in a recording, in words that name the setting to change. Thresholds are in
// findings.cpp, each beside its rule. Read by `weir report`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/recording.hpp"

namespace weir::replay {

struct Finding {
  std::string rule;  ///< which rule found it: "refusals", "leaks" ...; kept from version to version
  std::string pool;
  std::string owner;    ///< the tag; empty where it is of the whole pool
  std::string text;     ///< one sentence or two
  std::string setting;  ///< what to change; empty where it is the program
  double weight = 0;    ///< how much it matters, to sort by: about a share of the pool's peak
};

/// The weightiest first.
[[nodiscard]] std::vector<Finding> find_findings(const Recording& recording);

/// An owner's blocks over the whole recording.
struct OwnerFigures {
  std::uint32_t tag = 0;
  std::uint64_t allocations = 0;
  std::uint64_t resizes = 0;
  std::uint64_t copies = 0;  ///< resizes that copied
  std::uint64_t first = 0;   ///< bytes of the smallest block that was resized, before that; 0 where none was
  std::uint64_t grown = 0;   ///< bytes of the largest that a resize made
  std::uint64_t live = 0;    ///< bytes requested, at the end
  std::uint64_t peak = 0;    ///< bytes requested
  std::uint64_t blocks = 0;  ///< live at the end
  std::uint64_t oldest = 0;  ///< time of the oldest of these
};
/// The one with the highest peak first.
[[nodiscard]] std::vector<OwnerFigures> owners_of(const RecordedPool& pool);

}  // namespace weir::replay
