#include "manager/names.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <utility>

#include "core/names.hpp"

namespace weir::manager {
namespace {

constexpr std::size_t most_suggestions = 3;

// Levenshtein's distance, with one row. `other` is a name.
std::size_t distance(std::string_view one, std::string_view other) {
  std::array<std::size_t, core::longest_name + 1> row{};
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < one.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t replaced = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row[other.size()];
}

}  // namespace

std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& names) {
  if (name.size() > core::longest_name) return {};
  const std::size_t far = std::max<std::size_t>(2, name.size() / 3);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& each : names) {
    if (const std::size_t steps = distance(name, each); steps <= far) near.emplace_back(steps, each);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> found;
  for (std::size_t i = 0; i < std::min(near.size(), most_suggestions); ++i) found.push_back(near[i].second);
  return found;
}

}  // namespace weir::manager
