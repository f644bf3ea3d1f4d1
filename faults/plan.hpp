// Faults as a text, as users and scripts write them in WEIR_INJECT: lose@N,oom@N,slow@N:FACTOR,late@US. Used by the
// injector.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "faults/schedule.hpp"

namespace weir::faults {

struct Plan {
  std::string text;                  ///< as it was written, for messages
  std::vector<Fault> faults;         ///< in the order of the text
  std::chrono::nanoseconds late{0};  ///< by which all events are late
};

/// N is the number of a call, from 1: the call that is lost or, of the calls from the N-th on, the first that takes
/// memory (`oom`) or queues work (`slow`). FACTOR is above 1, up to 1000; US is microseconds, up to 10 s, and comes
/// once. Throws InvalidArgument that names the part, what it may be, and what to write instead.
[[nodiscard]] Plan parse_plan(std::string_view text);

/// A fault as it is written: "lose@7", "slow@9:5". `nth` is the number that stood there.
[[nodiscard]] std::string text_of(const Fault& fault);

}  // namespace weir::faults
