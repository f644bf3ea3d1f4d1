#include "workloads/balance/network/number_file.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>

#include <weir/errors.hpp>

#include "compute/range.hpp"

namespace weir::balance {
namespace {

constexpr std::uint64_t max_file = std::uint64_t{256} << 20;
constexpr std::size_t max_numbers = 32'000'000;

std::uint64_t checksum_of(std::string_view bytes) {
  std::uint64_t sum = 14695981039346656037U;
  for (const char byte : bytes) sum = (sum ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  return sum;
}

std::string checksum_line(std::string_view before) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "checksum %016llx\n", static_cast<unsigned long long>(checksum_of(before)));
  return text.data();
}

/// The words of a text, line by line.
class Reader {
 public:
  Reader(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  [[noreturn]] void refuse(const std::string& what) const {
    throw ParseError(path_ + ", line " + std::to_string(line_) + ": " + what, {.name = path_});
  }
  /// The next line; false at the end.
  bool next_line() {
    if (at_ >= text_.size()) return false;
    const std::size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos) {
      ++line_;
      refuse("the file is cut short: its last line has no end");
    }
    rest_ = text_.substr(at_, end - at_);
    at_ = end + 1;
    ++line_;
    return true;
  }
  std::string_view word() {
    if (rest_.empty()) refuse("the line is cut short");
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (found.empty()) refuse("two spaces, or a space at an end");
    return found;
  }
  template <class Number>
  Number number() {
    const std::string_view text = word();
    Number value{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) {
      refuse("\"" + std::string(text.substr(0, 40)) + "\" is not a number that fits here");
    }
    return value;
  }
  [[nodiscard]] bool line_ended() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::size_t line_start() const { return text_.rfind('\n', at_ - 2) + 1; }
  [[nodiscard]] bool text_ended() const noexcept { return at_ == text_.size(); }

 private:
  std::string_view text_;
  const std::string& path_;
  std::string_view rest_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;
};

}  // namespace

NumberFile NumberFile::parse(std::string_view text, const std::string& path, const std::string& kind,
                             unsigned version) {
  Reader reader(text, path);
  if (!reader.next_line() || reader.word() != kind) reader.refuse("is no " + kind + " file: it does not begin so");
  NumberFile file(kind, reader.number<unsigned>());
  file.path_ = path;
  if (file.version_ == 0 || file.version_ > version) {
    reader.refuse("version " + std::to_string(file.version_) + " of the form; this program reads 1 to " +
                  std::to_string(version));
  }
  if (!reader.line_ended()) reader.refuse("more stands behind the version");
  std::size_t numbers_left = max_numbers;
  while (reader.next_line()) {
    const std::string name(reader.word());
    if (name == "checksum") {
      const std::size_t start = reader.line_start();
      if (!text.substr(start).starts_with(checksum_line(text.substr(0, start)))) {
        reader.refuse("the checksum is another: the file was changed or damaged");
      }
      if (!reader.text_ended()) reader.refuse("more lines stand behind the checksum");
      return file;
    }
    const auto count = reader.number<std::size_t>();
    if (count > numbers_left || count > text.size()) reader.refuse("a list of " + std::to_string(count) + " numbers");
    numbers_left -= count;
    std::vector<double> numbers(count);
    for (double& each : numbers) each = reader.number<double>();
    if (!reader.line_ended()) reader.refuse("the list \"" + name + "\" has more numbers than it says");
    if (!file.lists_.emplace(name, std::move(numbers)).second) reader.refuse("the list \"" + name + "\" stands twice");
  }
  reader.refuse("the file is cut short: it has no checksum");
}

NumberFile NumberFile::read(const std::string& path, const std::string& kind, unsigned version) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) throw NotFound(path + ": cannot be opened", {.name = path});
  const auto size = static_cast<std::uint64_t>(std::max<std::streamoff>(in.tellg(), 0));
  if (size > max_file) {
    throw ParseError(path + ": has " + std::to_string(size) + " bytes; at most " + std::to_string(max_file),
                     {.name = path, .bytes_asked = size, .limit = max_file});
  }
  std::string text(size, '\0');
  in.seekg(0);
  in.read(text.data(), static_cast<std::streamsize>(size));
  if (!in) throw ParseError(path + ": cannot be read", {.name = path});
  return parse(text, path, kind, version);
}

void NumberFile::refuse(const std::string& name, const std::string& what) const {
  throw ParseError(path_ + ": the list \"" + name + "\" " + what, {.name = path_});
}

const std::vector<double>& NumberFile::numbers(const std::string& name, std::size_t low, std::size_t high) const {
  const auto found = lists_.find(name);
  if (found == lists_.end()) refuse(name, "is missing");
  if (found->second.size() < low || found->second.size() > high) {
    refuse(name, "has " + std::to_string(found->second.size()) + " numbers; it must have " + std::to_string(low) +
                     (low == high ? "" : " to " + std::to_string(high)));
  }
  return found->second;
}

const std::vector<double>& NumberFile::numbers(const std::string& name, std::size_t count) const {
  return numbers(name, count, count);
}

std::vector<float> NumberFile::floats(const std::string& name, std::size_t count, double bound) const {
  std::vector<float> all;
  all.reserve(count);
  for (const double each : numbers(name, count)) {
    if (!(std::abs(each) <= bound)) {
      refuse(name, "has the number " + std::to_string(each) + "; at most " + std::to_string(bound) + " to either side");
    }
    all.push_back(static_cast<float>(each));
  }
  return all;
}

std::uint64_t NumberFile::whole(const std::string& name, std::uint64_t low, std::uint64_t high) const {
  const double number = numbers(name, 1).front();
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high)) || number != std::floor(number)) {
    refuse(name, "is " + std::to_string(number) + "; it must be a whole number from " + std::to_string(low) + " to " +
                     std::to_string(high));
  }
  return static_cast<std::uint64_t>(number);
}

std::string NumberFile::text() const {
  std::string text = kind_ + " " + std::to_string(version_) + "\n";
  for (const auto& [name, numbers] : lists_) {
    text += name + " " + std::to_string(numbers.size());
    for (const double each : numbers) text += " " + compute::shortest(each);
    text += "\n";
  }
  return text + checksum_line(text);
}

}  // namespace weir::balance
