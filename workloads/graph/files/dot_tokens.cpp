#include "workloads/graph/files/dot_tokens.hpp"

#include <algorithm>

#include "files/excerpt.hpp"

namespace weir::graph {
namespace {

constexpr bool is_blank(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_digit(int c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80; }

}  // namespace

bool DotTokens::is(std::string_view word) const noexcept {
  return kind_ == Kind::name && !quoted_ && std::ranges::equal(name_, word, [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

void DotTokens::next() {
  skip_blanks();
  line_ = text_.line();
  name_.clear();
  quoted_ = false;
  const int c = text_.peek();
  if (c == TextReader::end) {
    kind_ = Kind::end;
  } else if (c == '"') {
    kind_ = Kind::name;
    quoted_ = true;
    take_quoted();
  } else if (c == '<') {
    kind_ = Kind::name;
    quoted_ = true;
    take_html();
  } else if (c == '-' && !is_digit(text_.second()) && text_.second() != '.') {
    text_.take();
    const int behind = text_.peek();
    if (behind != '-' && behind != '>') refuse(line_, "there is a - that is neither -- nor ->");
    text_.take();
    kind_ = Kind::edge;
  } else if (is_letter(c) || is_digit(c) || c == '-' || c == '.') {
    kind_ = Kind::name;
    take_word();
  } else if (std::string_view("{}[];,:=").find(static_cast<char>(c)) != std::string_view::npos) {
    kind_ = Kind::mark;
    mark_ = static_cast<char>(text_.take());
  } else {
    const char shown = static_cast<char>(c);
    refuse(line_, "there is " + files::excerpt({&shown, 1}) + ", which is no part of DOT outside of quotes");
  }
}

/// Also over comments, and over the lines of a preprocessor.
void DotTokens::skip_blanks() {
  for (;; line_start_ = false) {
    int c = text_.peek();
    while (is_blank(c)) {
      if (text_.take() == '\n') line_start_ = true;
      c = text_.peek();
    }
    const bool line_comment = (c == '#' && line_start_) || (c == '/' && text_.second() == '/');
    if (line_comment) {
      while (text_.peek() != '\n' && text_.peek() != TextReader::end) text_.take();
    } else if (c == '/' && text_.second() == '*') {
      skip_comment();
    } else {
      line_start_ = false;
      return;
    }
  }
}

void DotTokens::skip_comment() {
  const std::size_t line = text_.line();
  text_.take();
  text_.take();
  for (int before = 0, c = text_.take(); before != '*' || c != '/'; before = c, c = text_.take()) {
    if (c == TextReader::end) refuse(line, "a comment that begins here is not closed by */");
  }
}

void DotTokens::add(int c) {
  if (c >= 0 && c < 0x20 && !is_blank(c)) {
    refuse(text_.line(), "a name holds a control character of code " + std::to_string(c));
  }
  if (name_.size() == max_name) refuse(line_, "a name has more than " + std::to_string(max_name) + " bytes");
  name_ += static_cast<char>(c);
}

/// Texts that a + joins are one.
void DotTokens::take_quoted() {
  for (bool more = true; more;) {
    const std::size_t line = text_.line();
    text_.take();
    for (int c = text_.take(); c != '"'; c = text_.take()) {
      if (c == TextReader::end) refuse(line, "a text that begins here is not closed by a quote");
      if (c == '\\' && text_.peek() == '"') {
        c = text_.take();
      } else if (c == '\\' && text_.peek() == '\\') {
        add(text_.take());  // both stay, and neither escapes what is behind them
      } else if (c == '\\' && text_.peek() == '\n') {
        text_.take();
        continue;
      }
      add(c);
    }
    skip_blanks();
    more = text_.peek() == '+';
    if (!more) return;
    text_.take();
    skip_blanks();
    if (text_.peek() != '"') refuse(text_.line(), "there is no text in quotes behind +");
  }
}

/// Is not kept.
void DotTokens::take_html() {
  std::uint64_t depth = 0;
  do {
    const int c = text_.take();
    if (c == TextReader::end) refuse(line_, "an HTML text that begins here is not closed by >");
    if (c == '<') ++depth;
    if (c == '>') --depth;
  } while (depth != 0);
}

/// A word, or a number with its point and sign.
void DotTokens::take_word() {
  const bool number = !is_letter(text_.peek());
  add(text_.take());
  for (int c = text_.peek(); is_letter(c) || is_digit(c) || (number && c == '.'); c = text_.peek()) add(text_.take());
}

void DotTokens::refuse_here(const std::string& wanted) const {
  const std::string found = kind_ == Kind::end    ? "the file's end"
                            : kind_ == Kind::edge ? "an edge"
                            : kind_ == Kind::mark ? files::excerpt({&mark_, 1})
                                                  : files::excerpt(name_);
  refuse(line_, "there is " + found + " where there has to be " + wanted);
}

}  // namespace weir::graph
