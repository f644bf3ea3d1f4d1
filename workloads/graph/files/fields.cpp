#include "workloads/graph/files/fields.hpp"

#include <algorithm>

#include "workloads/graph/files/collector.hpp"
#include "workloads/graph/files/text_reader.hpp"

namespace weir::graph {
namespace {

constexpr std::string_view blanks = " \t";

constexpr char mark_of(Separator separator) noexcept {
  return separator == Separator::comma ? ',' : separator == Separator::semicolon ? ';' : '\t';
}

/// Whether two fields or more between tabs are single words.
bool has_words_between_tabs(std::string_view line) {
  std::size_t words = 0;
  for (std::size_t end = 0; end != std::string_view::npos && words < 2;) {
    end = line.find('\t');
    const std::string_view field = trimmed(line.substr(0, end));
    if (!field.empty() && field.find_first_of(blanks) == std::string_view::npos) ++words;
    line.remove_prefix(std::min(end, line.size() - 1) + 1);
  }
  return words == 2;
}

/// Whether all that is between blanks are numbers.
bool only_numbers(std::string_view line) {
  double number = 0;
  while (!(line = trimmed(line)).empty()) {
    const std::size_t end = std::min(line.find_first_of(blanks), line.size());
    if (!to_number(line.substr(0, end), number)) return false;
    line.remove_prefix(end);
  }
  return true;
}

}  // namespace

bool is_comment(std::string_view line) noexcept {
  line = trimmed(line);
  return line.empty() || line.front() == '#' || line.front() == '%' || line.starts_with("//");
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t start = std::min(text.find_first_not_of(blanks), text.size());
  text.remove_prefix(start);
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

Separator separator_of(std::string_view line) {
  line = line.substr(0, line.find(" {"));  // networkx's data have commas of their own
  if (line.find('\t') != std::string_view::npos) {
    return has_words_between_tabs(line) || !only_numbers(line) ? Separator::tab : Separator::blanks;
  }
  if (line.find(',') != std::string_view::npos) return Separator::comma;
  return line.find(';') != std::string_view::npos ? Separator::semicolon : Separator::blanks;
}

void Fields::split(std::string_view text, Separator separator, std::size_t line) {
  fields_.clear();
  unquoted_.clear();
  text = separator == Separator::tab ? text : trimmed(text);
  const bool by_blanks = separator == Separator::blanks;
  const char mark = mark_of(separator);
  std::size_t at = 0;
  for (bool more = !text.empty(); more;) {
    if (fields_.size() == max_fields) refuse(line, "has more than " + std::to_string(max_fields) + " fields");
    while (at < text.size() && blanks.find(text[at]) != std::string_view::npos && (text[at] != mark || by_blanks)) ++at;
    if (at < text.size() && text[at] == '"') {
      take_quoted(text, at, line);
    } else {
      std::size_t end = by_blanks ? text.find_first_of(blanks, at) : text.find(mark, at);
      if (by_blanks && at < text.size() && text[at] == '{') end = text.size();
      end = std::min(end, text.size());
      fields_.push_back(trimmed(text.substr(at, end - at)));
      at = end;
    }
    while (at < text.size() && blanks.find(text[at]) != std::string_view::npos && (text[at] != mark || by_blanks)) ++at;
    more = at < text.size();
    if (!more || by_blanks) continue;
    if (text[at] != mark) refuse(line, "has text behind a field in quotes");
    ++at;
  }
}

void Fields::take_quoted(std::string_view text, std::size_t& at, std::size_t line) {
  const std::size_t start = at + 1;
  std::size_t end = text.find('"', start);
  bool doubled = false;
  while (end != std::string_view::npos && end + 1 < text.size() && text[end + 1] == '"') {
    doubled = true;
    end = text.find('"', end + 2);
  }
  if (end == std::string_view::npos) refuse(line, "a quote is not closed");
  at = end + 1;
  if (!doubled) {
    fields_.push_back(text.substr(start, end - start));
    return;
  }
  std::string& plain = unquoted_.emplace_back();
  for (std::size_t i = start; i < end; ++i) {
    plain += text[i];
    if (text[i] == '"') ++i;
  }
  fields_.push_back(plain);
}

}  // namespace weir::graph
