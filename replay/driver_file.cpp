#include "replay/driver_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <system_error>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "files/excerpt.hpp"

namespace weir::replay {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// One object of strings and numbers, read from the front to the back.
class FlatObject {
 public:
  explicit FlatObject(std::string_view text) : text_(text) {}

  /// Calls `entry(key)` for each; it takes the value by string() or number().
  template <class Entry>
  void for_each(Entry entry) {
    expect('{', "an object of entries, {\"event_us\": 6, ...}");
    if (!take('}')) {
      do {
        const std::string_view key = string("the name of an entry, in quotes");
        expect(':', "\":\" after " + files::excerpt(key));
        entry(key);
      } while (take(','));
      expect('}', "\",\" or the object's end");
    }
    skip_space();
    if (at_ != text_.size()) fail("nothing after the object's end");
  }

  /// What is between the quotes, with its escapes.
  std::string_view string(const std::string& what) {
    expect('"', what);
    const std::size_t start = at_;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (static_cast<unsigned char>(text_[at_]) < ' ') break;
      if (text_[at_] == '\\') ++at_;
    }
    if (at_ >= text_.size() || text_[at_] != '"') fail("the end of a string, on its line");
    return text_.substr(start, at_++ - start);
  }

  double number(std::string_view key) {
    skip_space();
    const std::size_t start = at_;
    take('-');
    const bool zero = at_ < text_.size() && text_[at_] == '0';
    const std::size_t whole = digits();
    bool right = whole > 0 && (!zero || whole == 1);
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      right = digits() > 0 && right;
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) ++at_;
      right = digits() > 0 && right;
    }
    // What goes on is no number either: 0x10.
    right = right && (at_ == text_.size() || std::string_view(" \t\r\n,}").find(text_[at_]) != std::string_view::npos);
    double value = 0;
    const char* const end = text_.data() + at_;
    right = right && std::from_chars(text_.data() + start, end, value).ec == std::errc();
    if (right) return value;
    at_ = start;
    throw InvalidArgument(std::string(key) + " is " + seen() + "; it takes microseconds, a number from 0 to 1e9",
                          {.name = std::string(key), .limit = static_cast<std::uint64_t>(device::max_entry_us)});
  }

 private:
  void skip_space() noexcept { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool take(char c) noexcept {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::size_t digits() noexcept {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return at_ - start;
  }
  void expect(char c, const std::string& what) {
    if (!take(c)) fail(what);
  }
  /// What is next, for a message.
  [[nodiscard]] std::string seen() const {
    if (at_ >= text_.size()) return "nothing";
    if (text_[at_] == '{') return "an object";
    if (text_[at_] == '[') return "a list";
    return files::excerpt(text_.substr(at_, std::min(text_.find_first_of(",}\r\n", at_), text_.size()) - at_));
  }
  [[noreturn]] void fail(const std::string& wanted) const {
    const auto end = text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size()));
    const auto line = 1 + std::count(text_.begin(), end, '\n');
    throw ParseError("line " + std::to_string(line) + " has " + seen() + " where a driver model has " + wanted);
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

std::string read_whole(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::not_found) {
    throw NotFound(files::printable(name) + ": no such file; presets are instant, cheap and dear", {.name = name});
  }
  if (!error && type != std::filesystem::file_type::regular) {
    throw InvalidArgument(files::printable(name) + ": is not a regular file; a driver model is one", {.name = name});
  }
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(name.c_str(), "rb"));
  std::string text(max_driver_file_bytes + 1, '\0');
  if (file) text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (!file || std::ferror(file.get()) != 0) {
    const int code = errno;
    throw DriverError(files::printable(name) + ": cannot be read: " + std::generic_category().message(code),
                      {.name = name, .native_code = code});
  }
  return text;
}

bool names_a_file(std::string_view name) {
  if (name.ends_with(".json") || name.find('/') != std::string_view::npos) return true;
  if (name.find('=') != std::string_view::npos || device::is_driver_preset(name.substr(0, name.find(','))))
    return false;
  std::error_code error;
  return !name.empty() && std::filesystem::exists(name, error);
}

}  // namespace

device::DriverModel parse_driver_model(std::string_view json) {
  if (json.size() > max_driver_file_bytes) {
    throw ParseError("is larger than " + format_bytes(max_driver_file_bytes) + ", the largest size of a driver model",
                     {.bytes_asked = json.size(), .limit = max_driver_file_bytes});
  }
  device::DriverModel model;
  std::set<std::string, std::less<>> given;
  FlatObject object(json);
  object.for_each([&](std::string_view key) {
    if (key == "about" || key == "machine") {
      static_cast<void>(object.string("a string for \"" + std::string(key) + "\""));
    } else {
      // The name first: of an unknown entry no value is right.
      device::set_entry(model, key, 0);
      device::set_entry(model, key, object.number(key));
    }
    if (!given.emplace(key).second) {
      throw InvalidArgument(std::string(key) + " is given twice; name it once", {.name = std::string(key)});
    }
  });
  for (const std::string_view name : device::driver_entries()) {
    if (given.contains(name)) continue;
    throw InvalidArgument(std::string(name) + " is missing; a file must give every entry, 0 where there is no cost",
                          {.name = std::string(name)});
  }
  return model;
}

device::DriverModel read_driver_model(std::string_view name) {
  if (!names_a_file(name)) return device::driver_model(name);
  const std::filesystem::path path(name);
  const std::string text = read_whole(path);
  const std::string prefix = files::printable(path.string()) + ": ";
  try {
    return parse_driver_model(text);
  } catch (const ParseError& problem) {
    ErrorFacts facts = problem.facts();
    facts.name = path.string();
    throw ParseError(prefix + problem.message(), std::move(facts));
  } catch (const InvalidArgument& problem) {
    throw InvalidArgument(prefix + problem.message(), problem.facts());
  }
}

}  // namespace weir::replay
