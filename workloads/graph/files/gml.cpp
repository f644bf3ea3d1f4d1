#include "workloads/graph/files/gml.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "files/excerpt.hpp"

namespace weir::graph {
namespace {

constexpr bool is_gml_blank(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_gml_letter(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
constexpr bool is_control(int c) { return c >= 0 && c < 0x20 && !is_gml_blank(c); }

/// Adds the character of the entity that `text` begins with, such as &#228; and returns its bytes; 0 where it is none.
std::size_t take_number(std::string_view text, std::string& plain) {
  unsigned code = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 2, end, code);
  if (error != std::errc() || stop == end || *stop != ';' || code < 0x20 || code >= 0x800) return 0;
  if (code < 0x80) {
    plain += static_cast<char>(code);
  } else {
    plain += {static_cast<char>(0xc0U | code >> 6U), static_cast<char>(0x80U | (code & 0x3fU))};
  }
  return static_cast<std::size_t>(stop - text.data()) + 1;
}

/// `text` with the entities of XML and numbers as the characters that they stand for; others stay as they are.
std::string without_entities(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> known{
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = std::string_view(text).substr(i);
    const std::size_t before = std::min(rest.find('&'), rest.size());
    if (before != 0) {
      plain += rest.substr(0, before);
      i += before;
      continue;
    }
    std::size_t taken = 0;
    for (const auto& [entity, character] : known) {
      if (!rest.starts_with(entity)) continue;
      plain += character;
      taken = entity.size();
    }
    if (rest.starts_with("&#")) taken = take_number(rest, plain);
    if (taken == 0) plain += text[i];
    i += std::max<std::size_t>(taken, 1);
  }
  return plain;
}

class Gml {
 public:
  Gml(TextReader& text, Collector& to) : text_(text), to_(to) {}

  void read() {
    bool found = false;
    while (const auto key = next_key(false)) {
      if (*key != "graph") {
        skip_value();
        continue;
      }
      if (found) refuse(text_.line(), "a second graph; a file with one is read");
      found = true;
      open_list("graph");
      read_graph();
    }
    if (!found) refuse(text_.line(), "there is no graph [ ... ] in the file");
    to_.require_listed();
  }

 private:
  void read_graph() {
    while (const auto key = next_key(true)) {
      if (*key == "node") {
        open_list("node");
        read_node();
      } else if (*key == "edge") {
        open_list("edge");
        read_edge();
      } else {
        skip_value();
      }
    }
  }

  void read_node() {
    const std::size_t line = text_.line();
    std::optional<std::string> id;
    std::string title;
    while (const auto key = next_key(true)) {
      if (*key == "id") {
        if (id) refuse(text_.line(), "a node has two ids");
        id = value("id");
      } else if (*key == "label") {
        title = without_entities(value("label"));
      } else {
        skip_value();
      }
    }
    if (!id) refuse(line, "a node has no id");
    to_.listed_node(*id, title, line);
  }

  void read_edge() {
    const std::size_t line = text_.line();
    std::optional<std::string> source, target, weight, number;
    while (const auto key = next_key(true)) {
      if (*key == "source") {
        if (source) refuse(text_.line(), "an edge has two sources");
        source = value(*key);
      } else if (*key == "target") {
        if (target) refuse(text_.line(), "an edge has two targets");
        target = value(*key);
      } else if (*key == "weight") {
        weight = value(*key);
      } else if (*key == "value") {
        number = value(*key);
      } else {
        skip_value();
      }
    }
    if (!source || !target) refuse(line, std::string("an edge has no ") + (source ? "target" : "source"));
    if (!weight) weight = number;
    to_.edge(*source, *target, weight ? to_.weight_of(*weight, line) : 1, line);
  }

  /// Before what is neither blank nor comment.
  void skip_blanks() {
    for (;;) {
      const int c = text_.peek();
      if (c == '#') {
        while (text_.peek() != '\n' && text_.peek() != TextReader::end) text_.take();
      } else if (is_gml_blank(c)) {
        text_.take();
      } else {
        return;
      }
    }
  }

  /// The next key, or none at the end of the list or, outside of lists, of the file.
  std::optional<std::string> next_key(bool in_list) {
    skip_blanks();
    const int c = text_.peek();
    if (c == TextReader::end && !in_list) return std::nullopt;
    if (c == ']' && in_list) {
      text_.take();
      return std::nullopt;
    }
    if (!is_gml_letter(c)) refuse_next("a key, which is a word of letters");
    return word();
  }

  /// Up to a blank or a bracket.
  std::string word() {
    std::string text;
    for (int c = text_.peek(); c != TextReader::end && !is_gml_blank(c) && c != '[' && c != ']' && c != '"';
         c = text_.peek()) {
      if (is_control(c)) refuse_next("text");
      if (text.size() == max_text) refuse(text_.line(), "a word has more than " + std::to_string(max_text) + " bytes");
      text += static_cast<char>(text_.take());
    }
    return text;
  }

  std::string value(const std::string& key) {
    skip_blanks();
    if (text_.peek() == '"') return string(true);
    if (text_.peek() == '[') refuse(text_.line(), "the " + key + " is a list; it has to be a number or a text");
    std::string text = word();
    if (text.empty()) refuse_next("the value of " + files::excerpt(key));
    return text;
  }

  /// In quotes; kept or skipped.
  std::string string(bool kept) {
    const std::size_t line = text_.line();
    std::string text;
    text_.take();
    for (int c = text_.take(); c != '"'; c = text_.take()) {
      if (c == TextReader::end) refuse(line, "a text that begins here is not closed by a quote");
      if (is_control(c)) refuse(text_.line(), "a text holds a control character of code " + std::to_string(c));
      if (!kept) continue;
      if (text.size() == max_text) refuse(line, "a text has more than " + std::to_string(max_text) + " bytes");
      text += static_cast<char>(c);
    }
    return text;
  }

  void open_list(const std::string& key) {
    skip_blanks();
    if (text_.peek() != '[') refuse_next("[ behind " + key);
    text_.take();
  }

  /// A number, a text or a whole list.
  void skip_value() {
    const std::size_t line = text_.line();
    std::uint64_t depth = 0;
    do {
      skip_blanks();
      const int c = text_.peek();
      if (c == TextReader::end) refuse(line, "the file ends within what begins here; is it whole?");
      if (c == '"') {
        string(false);
      } else if (c == '[') {
        text_.take();
        ++depth;
      } else if (c == ']') {
        if (depth == 0) refuse_next("a value");
        text_.take();
        --depth;
      } else {
        word();
      }
    } while (depth != 0);
  }

  [[noreturn]] void refuse_next(const std::string& wanted) {
    if (text_.peek() == TextReader::end) refuse(text_.line(), "the file ends where there has to be " + wanted);
    const char c = static_cast<char>(text_.peek());
    refuse(text_.line(), "there is " + files::excerpt({&c, 1}) + " where there has to be " + wanted);
  }

  static constexpr std::size_t max_text = std::size_t{64} << 10;

  TextReader& text_;
  Collector& to_;
};

}  // namespace

void read_gml(TextReader& text, Collector& to) { Gml(text, to).read(); }

}  // namespace weir::graph
