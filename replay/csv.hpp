// Comma-separated text, line by line, of memory or of a source that is read a buffer
// at a time, so that a file is refused at its first bad line however long it is.
// Fields are stripped of blanks and of quotes around them. The first line names
// the columns; every other has as many fields. Blank lines, a byte order mark and
// CRLF are tolerated. A last line without an end is cut: "12" may have been "1234",
// so that it is no row, but counted. Read by interval_csv and rmm_csv.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "files/source.hpp"

namespace weir::replay {

class CsvReader {
 public:
  static constexpr std::size_t longest_line = 4096;  ///< bytes
  static constexpr std::size_t max_columns = 64;

  /// Reads the header. `text` must outlive the reader. Throws ParseError, as all
  /// below do, with the number of the line.
  explicit CsvReader(std::string_view text);
  /// The same of a source, a buffer at a time. Throws what the source throws, too.
  explicit CsvReader(files::Source source);
  CsvReader(CsvReader&&) = default;

  /// The column of this name, in whatever case.
  [[nodiscard]] std::optional<std::size_t> find_column(std::string_view name) const;
  [[nodiscard]] std::size_t column(std::string_view name) const;

  /// Goes to the next row; false at the end.
  [[nodiscard]] bool next_row();
  [[nodiscard]] std::size_t line() const noexcept { return line_; }
  /// Lines without an end, behind the last row: 1 or 0.
  [[nodiscard]] std::uint64_t cut_lines() const noexcept { return cut_lines_; }
  /// Whether rows may be missing behind the last one, because that line or the source is cut.
  [[nodiscard]] bool is_cut() const noexcept { return cut_lines_ != 0 || source_cut_; }

  /// Valid until the next row.
  [[nodiscard]] std::string_view text(std::size_t column) const { return fields_[column]; }
  [[nodiscard]] std::int64_t integer(std::size_t column) const;
  [[nodiscard]] std::uint64_t natural(std::size_t column) const;
  /// Bytes: a natural number of at most max_live_bytes.
  [[nodiscard]] std::uint64_t bytes(std::size_t column) const;
  /// Hexadecimal, with or without 0x; "(nil)", as glibc prints null, is 0.
  [[nodiscard]] std::uint64_t address(std::size_t column) const;

  [[noreturn]] void fail(std::string_view what) const;

 private:
  void read_header();
  bool next_line();
  /// The next line without its end, of what is there and of what the source still has; whether it had an end.
  [[nodiscard]] bool take_line(std::string_view& line);
  /// More of the source behind what is left; false where it has no more.
  bool read_more();
  void split(std::string_view line);
  [[nodiscard]] std::string_view strip(std::string_view field) const;
  [[noreturn]] void wrong(std::size_t column, std::string_view wanted) const;

  static constexpr std::size_t buffer_bytes = std::size_t{64} << 10;

  files::Source source_;      // none where all is in memory, and after its end
  std::vector<char> buffer_;  // of the source; on the heap, so that views of it stay when the reader moves
  std::string_view rest_;
  std::size_t line_ = 0;
  std::uint64_t cut_lines_ = 0;
  bool source_cut_ = false;
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;
};

/// `text` without a UTF-8 byte order mark.
[[nodiscard]] std::string_view without_byte_order_mark(std::string_view text) noexcept;

}  // namespace weir::replay
