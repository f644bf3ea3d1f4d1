// What came of launches as CSV: a row a launch, in their order, numbered from 0. Written by the thread that takes them.
#pragma once

#include "files/output_file.hpp"
#include "workloads/trajectory/run/pipeline.hpp"

namespace weir::trajectory {

class FlightTable : public Sink {
 public:
  /// Writes the names of the columns. `file` outlives the table.
  explicit FlightTable(files::OutputFile& file);
  /// Throws what the file does.
  void take(std::uint64_t first, std::span<const Launch> launches, std::span<const Flight> flights) override;

 private:
  files::OutputFile& file_;
};

}  // namespace weir::trajectory
