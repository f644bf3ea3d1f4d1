// The names of files that are being written and must not stay when a signal ends the program. A program that handles
// or ignores a signal itself keeps its own way with it. Called by OutputFile.
#pragma once

#include <sys/types.h>

#include <string>

namespace weir::files {

/// A new, empty file without a lasting name, which is removed with this object and when a signal ends the program;
/// by the process that made it, and by no forked child of it.
class Draft {
 public:
  /// In `folder`, with the permissions that the process gives to new files. Throws DriverError or NotFound, which
  /// speak of `wanted`, the file that is to come of it.
  Draft(const std::string& folder, const std::string& wanted);
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// Closes the file and gives it its name, in the place of one that has it, once its contents are on the disk: after a
  /// crash of the machine, too, the name is that of a whole file. Waits for the disk. Throws DriverError; then it is
  /// removed with this object.
  void rename_to(const std::string& target);
  /// Removes the name; the file lives on under its descriptor alone.
  void remove_name() noexcept;

 private:
  std::string path_;
  pid_t maker_ = 0;
  int descriptor_ = -1;
};

}  // namespace weir::files
