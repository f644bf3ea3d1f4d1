// The one way in which programs of this project write a file. What the path names is looked at before the work that
// fills the file, so that a path which cannot be written is an error at once:
//   a regular file, or nothing yet   a draft beside it takes its name when it is whole and on the disk: whatever ends
//                                    the program or the machine, the name is that of a whole file or of none. A program
//                                    that is killed leaves its draft. Links are followed to the file they lead to. Its
//                                    permissions stay, and its owner and group where the system lets them. Other names
//                                    of the file (hard links) keep what was there before
//   a pipe or a character device     is written through: by write() at once, what was reserved at commit(); so is
//                                    "-", the standard output
//   anything else                    is refused
// One thread at a time.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "files/drafts.hpp"

namespace weir::files {

class OutputFile {
 public:
  /// Throws InvalidArgument for what is no file to write, NotFound where the folder is missing, DriverError with the
  /// system's reason; all name the path. A pipe is opened here, which waits for its reader.
  explicit OutputFile(std::string path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  /// Without commit() what was there before stays, and nothing else does.
  ~OutputFile();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Whether what is written goes to the standard output, by whatever name.
  [[nodiscard]] bool standard_output() const noexcept { return standard_; }
  /// Whether what is written goes to a terminal.
  [[nodiscard]] bool terminal() const noexcept;
  /// Where there is room for what belongs to the work: the file's folder, or that for temporary files where no file is
  /// made.
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  /// Whether the other would take this one's place, or be mixed with it.
  [[nodiscard]] bool same_as(const OutputFile& other) const noexcept;

  /// The file's contents to be, `bytes` of zeros, in the address space: for what is not written from front to back.
  /// Their disk space is taken now: a full disk is an error here, not a signal later. At most once, and without
  /// write().
  [[nodiscard]] std::span<std::byte> reserve(std::uint64_t bytes);
  /// Adds to the end.
  void write(std::string_view text);
  /// The file is whole: it takes its name, or goes where it is written through to.
  void commit();

 private:
  void resolve();
  void keep_owner() const noexcept;
  [[noreturn]] void fail(const std::string& what, int code, std::uint64_t bytes = 0) const;

  std::string path_, target_, folder_;
  bool standard_ = false;
  int through_ = -1;              // what is written through, or none
  std::unique_ptr<Draft> draft_;  // without a name where it is only the image of what is written through
  std::span<std::byte> image_;
  std::optional<struct stat> before_;  // the file that was there
};

}  // namespace weir::files
