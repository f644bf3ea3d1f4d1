// A text file of named lists of numbers, for networks and for training that is to go on later: readable, the same on
// every machine, exact, and checked. Its form, line by line:
//
//   weir-network 1                  what it is, and the version of its form
//   layers 3 4 32 3                 a name, how many numbers, the numbers
//   parameters 259 0.0123 -0.5 ...  each written with as many digits as bring back its bits
//   checksum 9e107d9d372bb682       FNV-1a, 64 bits, of all bytes before this line
//
// A reader of version n takes files of version 1 to n. Read by what knows which lists there are and what they must be.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::balance {

class NumberFile {
 public:
  NumberFile(std::string kind, unsigned version) : kind_(std::move(kind)), version_(version) {}
  /// Takes what text() made. `path` is for errors. Throws ParseError that names the file, the line and what is wrong:
  /// not of this kind, of a later version, cut short, changed, not a number, a list twice.
  static NumberFile parse(std::string_view text, const std::string& path, const std::string& kind, unsigned version);
  /// Throws NotFound and ParseError; of more than 256 MiB, too.
  static NumberFile read(const std::string& path, const std::string& kind, unsigned version);

  void set(const std::string& name, std::vector<double> numbers) { lists_[name] = std::move(numbers); }
  void set(const std::string& name, const std::vector<float>& numbers) {
    lists_[name] = std::vector<double>(numbers.begin(), numbers.end());
  }
  [[nodiscard]] unsigned version() const noexcept { return version_; }
  [[nodiscard]] bool contains(const std::string& name) const { return lists_.contains(name); }

  // --- Reading: each throws ParseError, which names the file and the list, for a list that is not there or not so ---

  /// Exactly `count` numbers.
  [[nodiscard]] const std::vector<double>& numbers(const std::string& name, std::size_t count) const;
  /// Between `low` and `high` numbers.
  [[nodiscard]] const std::vector<double>& numbers(const std::string& name, std::size_t low, std::size_t high) const;
  /// Exactly `count` numbers, each of which is a float and no further from 0 than `bound`.
  [[nodiscard]] std::vector<float> floats(const std::string& name, std::size_t count, double bound) const;
  /// One whole number from `low` to `high`.
  [[nodiscard]] std::uint64_t whole(const std::string& name, std::uint64_t low, std::uint64_t high) const;
  /// A list of the file that is not what it should be.
  [[noreturn]] void refuse(const std::string& name, const std::string& what) const;

  [[nodiscard]] std::string text() const;

 private:
  std::string kind_;
  unsigned version_;
  std::string path_ = "(memory)";
  std::map<std::string, std::vector<double>> lists_;
};

}  // namespace weir::balance
