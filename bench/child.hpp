// Programs that stand beside this one, run as child processes: the subjects, and what the self-test
// runs. A child's stdout is read, its stderr is this program's.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

/// A child that ended with another status than 0, was killed, or took too long.
class ChildFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a child printed as one line of `name value` pairs.
using Numbers = std::map<std::string, double>;

/// The path of a program beside this one; it need not exist.
[[nodiscard]] std::filesystem::path sibling(const std::string& program);

struct Output {
  int status = 0;  ///< of exit; 128 + n for signal n
  std::string text;
};

/// Runs a program to its end and gives what it printed. Past the deadline it is killed and ChildFailed
/// is thrown, as where it cannot be started.
[[nodiscard]] Output run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                                 std::chrono::seconds deadline = std::chrono::seconds(120));

/// The same for a child that prints numbers. Throws ChildFailed, also where its line is malformed.
[[nodiscard]] Numbers run_for_numbers(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                                      std::chrono::seconds deadline = std::chrono::seconds(120));

/// A child that prints such a line each time it is asked to, and is idle in between.
class Partner {
 public:
  /// Throws ChildFailed where it cannot be started.
  Partner(const std::filesystem::path& program, const std::vector<std::string>& arguments);
  ~Partner();
  Partner(const Partner&) = delete;
  Partner& operator=(const Partner&) = delete;

  /// Throws ChildFailed where no line comes by the deadline, or none of numbers.
  [[nodiscard]] Numbers ask(std::chrono::seconds deadline = std::chrono::seconds(120));

 private:
  std::string name_;
  int socket_ = -1;  ///< its stdin and its stdout
  int child_ = 0;
};

}  // namespace bench
