#include "manager/names.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <utility>

#include "core/names.hpp"

namespace weir::manager {
namespace {

constexpr std::size_t max_suggestions = 3;

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

// ASCII letters only.
std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& each : lower) {
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  }
  return lower;
}

}  // namespace

// Nearer by a letter for each that both begin with: a name that was cut or goes on is meant more often than another
// that happens to be as long.
std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& names) {
  const std::string wanted = lower_case(name.substr(0, core::longest_name));
  std::vector<std::pair<std::ptrdiff_t, std::string>> near;
  for (const std::string& each : names) {
    const std::string known = lower_case(each);
    const auto differs = std::mismatch(wanted.begin(), wanted.end(), known.begin(), known.end());
    near.emplace_back(static_cast<std::ptrdiff_t>(distance(wanted, known)) - (differs.first - wanted.begin()), each);
  }
  const auto most = near.begin() + static_cast<std::ptrdiff_t>(std::min(near.size(), max_suggestions));
  std::partial_sort(near.begin(), most, near.end());
  std::vector<std::string> found;
  for (auto each = near.begin(); each != most; ++each) found.push_back(each->second);
  return found;
}

}  // namespace weir::manager
