// Files in the address space: one to read, and scratch memory. Pages come and go with the system's page cache, so
// files may be larger than memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace weir::lidar {

/// A file to read. Move-only.
class MappedFile {
 public:
  /// Throws NotFound and DriverError with the path and the system's reason.
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// Memory for working data, of a file without a name in `folder`; in plain memory where it is small.
class Scratch {
 public:
  Scratch(const std::string& folder, std::uint64_t bytes);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace weir::lidar
