// A file that is read from front to back. It is read rather than mapped: one that another process shortens meanwhile
// then has an early end, and is no SIGBUS. Used by readers of files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>

#include "files/source.hpp"

namespace weir::files {

class InputFile {
 public:
  /// Throws DriverError with the system's reason, as all below do; it begins with the path.
  explicit InputFile(std::filesystem::path path);

  /// Fills the span, or what of it the file still has.
  [[nodiscard]] std::size_t read(std::span<char> to);
  void rewind();
  [[nodiscard]] std::uintmax_t size() const;
  /// What read() gives, from where it is; for as long as the file is open.
  [[nodiscard]] Source source();

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

/// The error of a file that the system does not give: DriverError with errno's text, which begins with the path.
[[noreturn]] void refuse_input(const std::filesystem::path& path, int code);

}  // namespace weir::files
