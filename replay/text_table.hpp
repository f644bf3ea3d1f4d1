// Foreign texts that repeat, each kept once and named by a number: the frames of a
// snapshot, the ids of a CSV. Number 0 is the empty text. Used by the readers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <weir/errors.hpp>

namespace weir::replay {

class TextTable {
 public:
  /// A text's length at most, so that one long text that a file shares among many is not copied whole for each.
  static constexpr std::size_t longest = 200;

  TextTable() : texts_(1) {}

  /// The same for the same text. Of a longer text the end is kept, which tells a path's files apart. Throws
  /// ParseError above 2^32 - 1 texts.
  std::uint32_t number(std::string_view text) {
    if (text.empty()) return 0;
    if (text.size() > longest) text.remove_prefix(text.size() - longest);
    const auto [known, added] = numbers_.try_emplace(std::string(text), static_cast<std::uint32_t>(texts_.size()));
    if (added) {
      if (texts_.size() == std::numeric_limits<std::uint32_t>::max()) {
        throw ParseError("the trace names more than 2^32 - 1 different things");
      }
      texts_.push_back(known->first);
    }
    return known->second;
  }

  [[nodiscard]] const std::string& text(std::uint32_t number) const { return texts_[number]; }
  /// All of them, by number; the table is spent.
  [[nodiscard]] std::vector<std::string> take() && { return std::move(texts_); }

 private:
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

}  // namespace weir::replay
