// A picture of paths from the side, with axes in metres, each path coloured by one value of its launch: PNG. Takes a
// few hundred of the launches of a run, evenly, and has the device follow these once more, step by step, so that no run
// keeps points of paths that nobody looks at.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "files/output_file.hpp"
#include "workloads/trajectory/run/paths.hpp"

namespace weir::trajectory {

class Picture {
 public:
  static constexpr std::uint64_t max_paths = 200;

  /// Of a run of so many launches. `coloured_by` is speed, angle, spin or wind, else InvalidArgument, which lists them.
  Picture(std::uint64_t launches, std::string_view coloured_by);

  /// Takes launches `first`, `first` + 1, …, each once in all.
  void take(std::uint64_t first, std::span<const Launch> launches);
  /// Has the device follow those that are drawn, and draws them: the whole file, but for its commit(). Throws as
  /// follow(), and DriverError naming the file and the reason.
  void write(files::OutputFile& file, const RunSettings& settings, MemoryManager& memory) const;

 private:
  std::uint64_t launches_, every_;
  std::size_t coloured_by_;
  std::vector<Launch> drawn_;
};

}  // namespace weir::trajectory
