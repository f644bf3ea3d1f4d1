// The text of a file, character by character or line by line, of a source that is read a buffer at a time; it knows the
// line it is at, for errors. A byte order mark is skipped, and the \r of \r\n in lines. Used by the readers of formats.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "files/source.hpp"

namespace weir::graph {

/// Throws ParseError: "line 5: what".
[[noreturn]] void refuse(std::size_t line, const std::string& what);

class TextReader {
 public:
  static constexpr std::size_t max_line = std::size_t{64} << 10;  ///< bytes
  static constexpr int end = -1;

  /// All throw ParseError, and what the source throws.
  explicit TextReader(files::Source source);

  /// The next character, or `end`.
  [[nodiscard]] int peek() { return at_ < filled_ || read_more() ? static_cast<unsigned char>(buffer_[at_]) : end; }
  /// The same, which is behind then.
  int take() {
    const int c = peek();
    if (c != end) ++at_;
    if (c == '\n') ++line_;
    return c;
  }

  /// The next line, without its end; false where there is none. Valid until the next call. Throws for more than
  /// max_line bytes and for control characters other than tabs.
  [[nodiscard]] bool next_line(std::string_view& line);

  /// Of the next character, or of the line that next_line() gave; from 1.
  [[nodiscard]] std::size_t line() const noexcept { return line_; }
  /// The character behind the next, or `end`.
  [[nodiscard]] int second() {
    return at_ + 1 < filled_ || (read_more() && at_ + 1 < filled_) ? static_cast<unsigned char>(buffer_[at_ + 1]) : end;
  }

 private:
  [[nodiscard]] std::string_view rest() const noexcept { return {buffer_.data() + at_, filled_ - at_}; }
  bool read_more();
  void check(std::string_view line) const;

  files::Source source_;
  std::vector<char> buffer_;
  std::size_t at_ = 0, filled_ = 0, line_ = 1;
  bool behind_line_ = false;  // the line that was given has not been counted yet
};

}  // namespace weir::graph
