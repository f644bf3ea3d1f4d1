// Comma-separated text, line by line, without copying: fields are views of the
// caller's text, stripped of blanks and of quotes around them. The first line
// names the columns; every other has as many fields. Blank lines, a byte order
// mark and CRLF are tolerated. Read by interval_csv and rmm_csv.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace weir::replay {

class CsvReader {
 public:
  static constexpr std::size_t longest_line = 4096;  ///< bytes
  static constexpr std::size_t most_columns = 64;

  /// Reads the header. `text` must outlive the reader. Throws ParseError, as all
  /// below do, with the number of the line.
  explicit CsvReader(std::string_view text);

  /// The column of this name, in whatever case.
  [[nodiscard]] std::optional<std::size_t> find_column(std::string_view name) const;
  [[nodiscard]] std::size_t column(std::string_view name) const;

  /// Goes to the next row; false at the end.
  [[nodiscard]] bool next_row();
  [[nodiscard]] std::size_t line() const noexcept { return line_; }

  [[nodiscard]] std::string_view text(std::size_t column) const { return fields_[column]; }
  [[nodiscard]] std::int64_t integer(std::size_t column) const;
  [[nodiscard]] std::uint64_t natural(std::size_t column) const;
  /// Bytes: a natural number of at most max_live_bytes.
  [[nodiscard]] std::uint64_t bytes(std::size_t column) const;
  /// Hexadecimal, with or without 0x; "(nil)", as glibc prints null, is 0.
  [[nodiscard]] std::uint64_t address(std::size_t column) const;

  [[noreturn]] void fail(std::string_view what) const;

 private:
  bool next_line();
  void split(std::string_view line);
  [[nodiscard]] std::string_view strip(std::string_view field) const;
  [[noreturn]] void wrong(std::size_t column, std::string_view wanted) const;

  std::string_view rest_;
  std::size_t line_ = 0;
  std::vector<std::string_view> header_;
  std::vector<std::string_view> fields_;
};

/// Equal but for the case of ASCII letters.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b) noexcept;

/// `text` without a UTF-8 byte order mark.
[[nodiscard]] std::string_view without_byte_order_mark(std::string_view text) noexcept;

}  // namespace weir::replay
