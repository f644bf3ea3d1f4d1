// Keeps what a run printed: bench/results/<date>-<machine>/<name>.txt begins with the command and the
// machine, <name>.json has every round. Called for --save.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace bench {

struct Record {
  std::string machine;  ///< a short name, e.g. "2-core-xeon"; becomes part of a folder's name
  std::string name;     ///< of the two files
  std::string command;  ///< as one would type it
  std::string text;
  nlohmann::ordered_json raw;
};

/// Writes below `results`, replacing what an earlier run of the same name and day left; gives the
/// folder. Throws std::runtime_error where it cannot be written.
std::string archive(const std::string& results, const Record& record);

/// The processor, kernel and compiler, a line each.
[[nodiscard]] std::string describe_machine();

}  // namespace bench
