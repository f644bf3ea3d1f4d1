// The words and marks of DOT, of a text that is read a buffer at a time. Used by the reader of DOT.
#pragma once

#include <cstdint>
#include <string>

#include "workloads/graph/files/text_reader.hpp"

namespace weir::graph {

class DotTokens {
 public:
  static constexpr std::size_t max_name = std::size_t{64} << 10;  ///< bytes of a name

  enum class Kind : std::uint8_t { name, mark, edge, end };

  /// Reads the first token. All throw ParseError with the line.
  explicit DotTokens(TextReader& text) : text_(text) { next(); }

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// Whether the token is this mark, one of {}[];,:=
  [[nodiscard]] bool is(char mark) const noexcept { return kind_ == Kind::mark && mark_ == mark; }
  /// Whether it is this word, in whatever case and without quotes; `word` is in small letters.
  [[nodiscard]] bool is(std::string_view word) const noexcept;
  /// Of a name: what it says. HTML is left out.
  [[nodiscard]] const std::string& text() const noexcept { return name_; }
  [[nodiscard]] std::size_t line() const noexcept { return line_; }

  void next();
  /// "there is 'x' where there has to be WANTED".
  [[noreturn]] void refuse_here(const std::string& wanted) const;

 private:
  void skip_blanks();
  void skip_comment();
  void take_quoted();
  void take_html();
  void take_word();
  void add(int c);

  TextReader& text_;
  Kind kind_ = Kind::end;
  char mark_ = 0;
  bool quoted_ = false, line_start_ = true;
  std::string name_;
  std::size_t line_ = 1;
};

}  // namespace weir::graph
