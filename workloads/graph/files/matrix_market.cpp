#include "workloads/graph/files/matrix_market.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "files/excerpt.hpp"
#include "workloads/graph/files/fields.hpp"

namespace weir::graph {
namespace {

class Matrix {
 public:
  Matrix(TextReader& text, Collector& to) : text_(text), to_(to) {}

  void read() {
    read_banner();
    read_size();
    for (std::uint64_t i = 0; i < entries_; ++i) {
      if (!next()) {
        refuse(text_.line(), "the file ends behind " + std::to_string(i) + " of " + std::to_string(entries_) +
                                 " entries; is it whole?");
      }
      take();
    }
    if (next()) {
      refuse(text_.line(),
             "there are more than the " + std::to_string(entries_) + " entries that the file says it has");
    }
  }

 private:
  void read_banner() {
    std::string_view line;
    if (text_.next_line(line)) fields_.split(line, Separator::blanks, text_.line());
    if (fields_.size() != 5 || lower(0) != "%%matrixmarket") {
      refuse(text_.line(), "a MatrixMarket file begins with %%MatrixMarket matrix coordinate FIELD SYMMETRY");
    }
    const std::string object = lower(1), format = lower(2), field = lower(3), symmetry = lower(4);
    if (object != "matrix") refuse(text_.line(), "is a " + files::excerpt(object) + "; a graph is read of a matrix");
    if (format != "coordinate") {
      refuse(text_.line(), "the matrix is stored as " + files::excerpt(format) +
                               "; a graph is read of a sparse one, which is stored as 'coordinate'");
    }
    const bool one = field == "real" || field == "double" || field == "integer" || field == "unsigned-integer";
    if (!one && field != "pattern" && field != "complex") {
      refuse(text_.line(), "the field is " + files::excerpt(field) +
                               "; there are real, double, integer, unsigned-integer, complex and pattern");
    }
    if (symmetry != "general" && symmetry != "symmetric" && symmetry != "skew-symmetric" && symmetry != "hermitian") {
      refuse(text_.line(), "the symmetry is " + files::excerpt(symmetry) +
                               "; there are general, symmetric, skew-symmetric and hermitian");
    }
    numbers_ = one ? 1 : field == "complex" ? 2 : 0;
  }

  void read_size() {
    if (!next()) refuse(text_.line(), "the file ends before the line with the matrix's size");
    if (fields_.size() != 3) refuse(text_.line(), "the size is three numbers: rows, columns and entries");
    const std::uint64_t rows = natural(0), columns = natural(1);
    entries_ = natural(2);
    if (rows != columns) {
      refuse(text_.line(), "the matrix has " + std::to_string(rows) + " rows and " + std::to_string(columns) +
                               " columns; that of a graph has as many of both");
    }
    to_.number_nodes(rows, text_.line());
    nodes_ = rows;
  }

  void take() {
    if (fields_.size() != 2 + numbers_) {
      refuse(text_.line(), "has " + std::to_string(fields_.size()) + " fields; an entry of this matrix has " +
                               std::to_string(2 + numbers_));
    }
    const std::uint32_t row = index(0), column = index(1);
    double weight = 1;
    if (numbers_ != 0) {
      weight = std::hypot(value(2), numbers_ == 2 ? value(3) : 0);
      if (!to_.with_weights()) weight = 1;
      if (weight == 0) return;
      to_.check_weight(weight, fields_[2], text_.line());
    }
    to_.edge(row, column, weight, text_.line());
  }

  /// The fields of the next line that is neither blank nor a comment.
  bool next() {
    std::string_view line;
    while (text_.next_line(line)) {
      line = trimmed(line);
      if (line.empty() || line.front() == '%') continue;
      fields_.split(line, Separator::blanks, text_.line());
      return true;
    }
    return false;
  }

  [[nodiscard]] std::uint64_t natural(std::size_t field) const {
    const std::string_view text = fields_[field];
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || stop != text.data() + text.size()) {
      refuse(text_.line(), files::excerpt(text) + " is not a whole number of 64 bits");
    }
    return number;
  }

  /// The node of a row or column, which count from 1.
  [[nodiscard]] std::uint32_t index(std::size_t field) const {
    const std::uint64_t number = natural(field);
    if (number == 0 || number > nodes_) {
      refuse(text_.line(), std::string(field == 0 ? "row " : "column ") + std::to_string(number) +
                               " is not in the matrix, which has 1 to " + std::to_string(nodes_));
    }
    return static_cast<std::uint32_t>(number - 1);
  }

  [[nodiscard]] double value(std::size_t field) const {
    double number = 0;
    if (!to_number(fields_[field], number) || !std::isfinite(number)) {
      refuse(text_.line(), "the entry is " + files::excerpt(fields_[field]) + ", which is no number");
    }
    return number;
  }

  [[nodiscard]] std::string lower(std::size_t field) const {
    std::string text(fields_[field]);
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
    return text;
  }

  TextReader& text_;
  Collector& to_;
  Fields fields_;
  std::uint64_t nodes_ = 0, entries_ = 0;
  std::size_t numbers_ = 0;  // of an entry
};

}  // namespace

void read_matrix_market(TextReader& text, Collector& to) { Matrix(text, to).read(); }

}  // namespace weir::graph
