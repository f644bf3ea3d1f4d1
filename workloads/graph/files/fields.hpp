// A line of text as fields, apart by blanks, commas, semicolons or tabs; quotes hold what is between two of them
// together. Used by the reader of edge lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace weir::graph {

enum class Separator : std::uint8_t { blanks, comma, semicolon, tab };

class Fields {
 public:
  static constexpr std::size_t max_fields = 1'024;

  /// Divides the line, which stays where it is while the fields are used. Blanks round a field are left out, and
  /// quotes; two quotes inside of them are one. Between blanks, a field that begins with { goes to the line's end, as
  /// networkx writes an edge's data. Throws ParseError with the line's number.
  void split(std::string_view text, Separator separator, std::size_t line);

  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t index) const noexcept { return fields_[index]; }

 private:
  void take_quoted(std::string_view text, std::size_t& at, std::size_t line);

  std::vector<std::string_view> fields_;
  std::deque<std::string> unquoted_;  // fields that are not in the line as they are
};

/// What a line is divided by: by tabs where two fields between them are single words, or where it has some and not
/// only numbers; by commas, by semicolons, by blanks.
[[nodiscard]] Separator separator_of(std::string_view line);

/// Whether a line has no field: it is empty, or begins with #, % or //.
[[nodiscard]] bool is_comment(std::string_view line) noexcept;

/// Without blanks at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

}  // namespace weir::graph
