// A table of figures, some with a bar that they have to keep: how the benches that are
// no comparison of subjects show what they found.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "spread.hpp"

namespace bench {

/// One figure over the rounds, and the bar it has to keep.
struct Figure {
  enum class Bar { none, at_most, at_least };
  std::string what;
  std::vector<double> values;  ///< a value a round
  Bar bar = Bar::none;
  double limit = 0;
};

/// The rows of the table, with PASS or MISS for every bar.
[[nodiscard]] std::string figures_text(const std::vector<Figure>& figures);
/// [{measure, median, low, high, wanted, passed}]
[[nodiscard]] nlohmann::ordered_json figures_json(const std::vector<Figure>& figures);

}  // namespace bench
