// A progress bar on stderr, with the time that is left, for work that takes a while; silent where stderr is
// no terminal. Called by long commands.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace weir::tool {

class Progress {
 public:
  explicit Progress(const std::string& label);
  /// Clears the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::uint64_t done, std::uint64_t all);
  /// A line of words in the bar's place.
  void tell(const std::string& text);
  /// A line of words that stays, above the bar; on stderr even where that is no terminal.
  void note(const std::string& text);

 private:
  std::string label_;
  bool terminal_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  int shown_ = -1;  // percent
};

}  // namespace weir::tool
