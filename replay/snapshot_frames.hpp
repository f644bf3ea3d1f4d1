// Which frame of a recorded call stack tells a person whose memory a block is. With
// C++ frames recorded, the innermost are always the allocator's own, so it is the
// innermost line of Python, and rather of the program than of an installed package.
// Lists and frames that a file shares are looked at once, so that the work stays
// within a multiple of the file. Used by pytorch_records, one for each device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "replay/pickle.hpp"
#include "replay/text_table.hpp"

namespace weir::replay {

class SnapshotFrames {
 public:
  /// The number in `texts` of "train.py:7 step", for the frames of one record. Frames are for people only: what is
  /// not as PyTorch writes it counts as none, which is number 0.
  std::uint32_t telling(const std::optional<Pickle::Value>& frames, TextTable& texts);

 private:
  enum class Worth : std::uint8_t {
    nothing,
    native,
    backward,  ///< PyTorch's threads of the backward pass have no Python; the function that is derived is named
    package,
    program
  };

  [[nodiscard]] Worth worth(const Pickle::Value& frame);

  std::unordered_map<std::uint32_t, std::uint32_t> lists_;  // numbers, by the list's id
  std::unordered_map<std::uint32_t, Worth> frames_;         // by the frame's id
};

}  // namespace weir::replay
