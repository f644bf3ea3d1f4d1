// The file of a recording while it is written. Invariant: it is a header and whole blocks,
// also after a write that failed, and this process alone writes it. It overwrites nothing
// but recordings. Used by the recorder.
#pragma once

#include <memory>
#include <string>

#include "monitor/block_sink.hpp"

namespace weir::monitor {

class RecordingFile final : public BlockSink {
 public:
  /// Begins the file with its header. "%p" in the path becomes the process's number. Where another process has the
  /// file, ".<process>" is added to the name. Throws InvalidArgument for what is no file or no recording, NotFound for
  /// a folder that is missing, DriverError with the system's reason.
  explicit RecordingFile(const std::string& path, bool from_ring = false);
  ~RecordingFile() override;

  [[nodiscard]] std::string write(BlockKind kind, std::uint16_t pool, std::span<const char> block) override;
  [[nodiscard]] std::uint64_t bytes() const noexcept override { return bytes_; }
  [[nodiscard]] std::string path() const override { return path_; }

 private:
  [[nodiscard]] bool open();
  void check() const;
  [[nodiscard]] std::string write_all(std::span<const char> bytes);
  [[noreturn]] void fail(int code) const;

  std::string path_;
  int file_ = -1;
  std::uint64_t bytes_ = 0;
};

/// The path with the process's number in it.
[[nodiscard]] std::string with_process(std::string path);

}  // namespace weir::monitor
