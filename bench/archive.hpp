// Keeps what a run printed: bench/results/<date>-<machine>/<name>.txt begins with the command and the
// machine, <name>.json has every round. Made before the run, for --save.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "files/output_file.hpp"

namespace bench {

class Archive {
 public:
  /// Files named `name` below `results`; `machine` is a short name, e.g. "2-core-xeon", and becomes part of a
  /// folder's name. Throws where they cannot be written: before what they are to keep is measured.
  Archive(const std::string& results, const std::string& machine, const std::string& name);

  /// Replaces what an earlier run of the same name and day left. `command` is as one would type it.
  void keep(const std::string& command, const std::string& text, const nlohmann::ordered_json& raw);
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

 private:
  std::string folder_;
  weir::files::OutputFile text_, raw_;
};

/// The processor, kernel and compiler, a line each.
[[nodiscard]] std::string describe_machine();

}  // namespace bench
