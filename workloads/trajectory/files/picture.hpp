// A picture of paths from the side, with axes in metres, each path coloured by one value of its launch: PNG. Takes a
// few hundred of the launches of a run, evenly, and follows each on the host once more, so that no run keeps points of
// paths that nobody looks at.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "files/output_file.hpp"
#include "workloads/trajectory/flight/columns.hpp"
#include "workloads/trajectory/flight/launch.hpp"

namespace weir::trajectory {

class Picture {
 public:
  static constexpr std::uint64_t max_paths = 200;

  /// Of a run of so many launches. `coloured_by` is speed, angle, spin or wind, else InvalidArgument, which lists them.
  Picture(std::uint64_t launches, const Physics& physics, std::string_view coloured_by);

  /// Takes launches `first`, `first` + 1, …, each once in all.
  void take(std::uint64_t first, std::span<const Launch> launches);
  /// The whole file, but for its commit(). Throws DriverError naming the file and the reason.
  void write(files::OutputFile& file) const;

 private:
  struct Drawn {
    double value;  // that tells its colour
    std::vector<Place> places;
  };
  std::uint64_t launches_, every_;
  Physics physics_;
  std::size_t coloured_by_;
  std::vector<Drawn> drawn_;
};

}  // namespace weir::trajectory
