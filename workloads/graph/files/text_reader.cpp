#include "workloads/graph/files/text_reader.hpp"

#include <algorithm>
#include <utility>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"

namespace weir::graph {

void refuse(std::size_t line, const std::string& what) {
  throw ParseError("line " + std::to_string(line) + ": " + what);
}

TextReader::TextReader(files::Source source) : source_(std::move(source)), buffer_(2 * max_line) {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (read_more() && rest().starts_with(mark)) at_ += mark.size();
}

bool TextReader::read_more() {
  if (!source_) return false;
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(at_), buffer_.begin() + static_cast<std::ptrdiff_t>(filled_),
            buffer_.begin());
  filled_ -= at_;
  at_ = 0;
  const std::span<char> unused = std::span(buffer_).subspan(filled_);
  const std::size_t count = source_.read(unused);
  if (count < unused.size()) source_ = {};
  filled_ += count;
  return count != 0;
}

bool TextReader::next_line(std::string_view& line) {
  if (std::exchange(behind_line_, false)) ++line_;
  std::size_t stop = rest().find('\n');
  while (stop == std::string_view::npos) {
    const std::size_t seen = filled_ - at_;
    if (seen > max_line) check(rest());
    if (!read_more()) break;
    stop = rest().find('\n', seen);
  }
  if (stop == std::string_view::npos && at_ == filled_) return false;
  line = rest().substr(0, stop);
  at_ += std::min(line.size() + 1, filled_ - at_);
  behind_line_ = true;
  if (line.ends_with('\r')) line.remove_suffix(1);
  check(line);
  return true;
}

void TextReader::check(std::string_view line) const {
  const auto control =
      std::ranges::find_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; });
  if (control != line.end()) {
    refuse(line_, "holds the control character " + files::excerpt({&*control, 1}) + "; lines are text");
  }
  if (line.size() > max_line) {
    refuse(line_, "has more than " + std::to_string(max_line) + " bytes, which is the most that a line may have");
  }
}

}  // namespace weir::graph
