// See csv.hpp.
#include "replay/csv.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"
#include "replay/trace_builder.hpp"

namespace weir::replay {

namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// The whole text as one number, or nothing.
template <class Number>
std::optional<Number> to_number(std::string_view text, int base) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

/// Equal but for the case of ASCII letters.
bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string_view without_byte_order_mark(std::string_view text) noexcept {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (text.starts_with(mark)) text.remove_prefix(mark.size());
  return text;
}

CsvReader::CsvReader(std::string_view text) : rest_(without_byte_order_mark(text)) { read_header(); }

CsvReader::CsvReader(files::Source source) : source_(std::move(source)), buffer_(buffer_bytes) {
  static_cast<void>(read_more());
  rest_ = without_byte_order_mark(rest_);
  read_header();
}

void CsvReader::read_header() {
  if (!next_line()) {
    if (cut_lines_ != 0) fail("the header has no line end: the file is cut before its first row; copy it again");
    throw ParseError("no header line");
  }
  header_.assign(fields_.begin(), fields_.end());
}

bool CsvReader::read_more() {
  if (!source_) return false;
  std::copy(rest_.begin(), rest_.end(), buffer_.begin());
  const std::span<char> unused = std::span(buffer_).subspan(rest_.size());
  const std::size_t count = source_.read(unused);
  if (count < unused.size()) {
    source_cut_ = source_.is_cut();
    source_ = {};
  }
  rest_ = {buffer_.data(), rest_.size() + count};
  return count != 0;
}

bool CsvReader::take_line(std::string_view& line) {
  std::size_t end = rest_.find('\n');
  while (end == std::string_view::npos) {
    // A line that is too long is refused before the rest of it is read.
    if (source_ && rest_.size() > longest_line + 1) fail("the line has more than 4096 bytes");
    const std::size_t seen = rest_.size();
    if (!read_more()) break;
    end = rest_.find('\n', seen);
  }
  line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(line.size() + 1, rest_.size()));
  return end != std::string_view::npos;
}

bool CsvReader::next_line() {
  while (!rest_.empty() || read_more()) {
    ++line_;
    std::string_view line;
    const bool whole = take_line(line);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > longest_line) {
      fail("the line has " + std::to_string(line.size()) + " bytes; at most 4096 are read");
    }
    if (std::all_of(line.begin(), line.end(), is_blank)) continue;
    if (!whole) {
      ++cut_lines_;
      return false;
    }
    split(line);
    return true;
  }
  return false;
}

bool CsvReader::next_row() {
  if (!next_line()) return false;
  if (fields_.size() != header_.size()) {
    fail("the line has " + std::to_string(fields_.size()) + " fields; the header names " +
         std::to_string(header_.size()));
  }
  return true;
}

// Commas inside quotes belong to the field.
void CsvReader::split(std::string_view line) {
  fields_.clear();
  std::size_t start = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    const bool end = i == line.size();
    if (!end && line[i] == '"') quoted = !quoted;
    if (!end && static_cast<unsigned char>(line[i]) < 0x20 && line[i] != '\t') {
      fail("the line holds the control character " + files::excerpt(line.substr(i, 1)));
    }
    if (!end && (quoted || line[i] != ',')) continue;
    if (fields_.size() == max_columns) fail("the line has more than 64 fields");
    fields_.push_back(strip(line.substr(start, i - start)));
    start = i + 1;
  }
}

std::string_view CsvReader::strip(std::string_view field) const {
  while (!field.empty() && is_blank(field.front())) field.remove_prefix(1);
  while (!field.empty() && is_blank(field.back())) field.remove_suffix(1);
  if (field.starts_with('"')) {
    if (field.size() < 2 || !field.ends_with('"')) fail("a quote is not closed");
    field = field.substr(1, field.size() - 2);
  }
  if (field.find('"') != std::string_view::npos) fail("a quote is inside a field");
  return field;
}

std::optional<std::size_t> CsvReader::find_column(std::string_view name) const {
  const auto found =
      std::find_if(header_.begin(), header_.end(), [name](std::string_view column) { return same_name(column, name); });
  if (found == header_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header_.begin());
}

std::size_t CsvReader::column(std::string_view name) const {
  const auto found = find_column(name);
  if (!found) fail("the header has no column '" + std::string(name) + "'");
  return *found;
}

std::int64_t CsvReader::integer(std::size_t column) const {
  const auto number = to_number<std::int64_t>(fields_[column], 10);
  if (!number) wrong(column, "an integer of 64 bits");
  return *number;
}

std::uint64_t CsvReader::natural(std::size_t column) const {
  const auto number = to_number<std::uint64_t>(fields_[column], 10);
  if (!number) wrong(column, "a natural number of 64 bits");
  return *number;
}

std::uint64_t CsvReader::bytes(std::size_t column) const {
  const std::uint64_t number = natural(column);
  if (number > max_live_bytes) wrong(column, "a size of at most 1 EiB");
  return number;
}

std::uint64_t CsvReader::address(std::size_t column) const {
  std::string_view digits = fields_[column];
  if (digits == "(nil)") return 0;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
  const auto number = to_number<std::uint64_t>(digits, 16);
  if (!number) wrong(column, "a hexadecimal number of 64 bits");
  return *number;
}

void CsvReader::wrong(std::size_t column, std::string_view wanted) const {
  fail("column " + files::excerpt(header_[column]) + " is " + files::excerpt(fields_[column]) + ", not " +
       std::string(wanted));
}

void CsvReader::fail(std::string_view what) const {
  throw ParseError("line " + std::to_string(line_) + ": " + std::string(what));
}

}  // namespace weir::replay
