// How training went, as a picture: reward, loss and device memory over the robot's steps, a line a seed.
#pragma once

#include <string>
#include <vector>

#include "workloads/balance/learning/trainer.hpp"

namespace weir::balance {

struct Curve {
  std::uint32_t seed = 0;
  bool solved = false;
  std::vector<Episode> episodes;
};

enum class PictureKind : std::uint8_t { png, svg };

/// The bytes of the picture. Throws DriverError where it cannot be drawn.
[[nodiscard]] std::string learning_curves(const std::vector<Curve>& curves, const std::string& title, PictureKind kind);

}  // namespace weir::balance
