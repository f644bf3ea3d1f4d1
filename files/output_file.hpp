// The one way in which programs of this project write a file. What the path names is looked at before the work that
// fills the file, so that a path which cannot be written is an error at once:
//   a regular file, or nothing yet   a draft beside it takes its name when it is whole; links are followed to the
//                                    file they lead to, which keeps its permissions
//   a pipe or a character device     is written through, at commit(); so is "-", the standard output
//   anything else                    is refused
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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
  [[noreturn]] void fail(const std::string& what, int code, std::uint64_t bytes = 0) const;

  std::string path_, target_;
  bool standard_ = false;
  int through_ = -1;              // what is written through, or none
  std::unique_ptr<Draft> draft_;  // without a name where it is only the image of what is written through
  std::span<std::byte> image_;
  std::uint32_t mode_ = 0;  // of the file that was there
  bool existed_ = false;
};

}  // namespace weir::files
