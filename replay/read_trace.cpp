// See read_trace.hpp. The file is read rather than mapped: one that another
// process shortens meanwhile is then a parse error and not a SIGBUS.
#include "replay/read_trace.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"
#include "files/gzip.hpp"
#include "replay/csv.hpp"
#include "replay/identify.hpp"
#include "replay/interval_csv.hpp"
#include "replay/pickle.hpp"
#include "replay/pytorch_snapshot.hpp"
#include "replay/rmm_csv.hpp"

namespace weir::replay {

namespace {

ErrorFacts about(const std::filesystem::path& path) { return {.name = path.string()}; }

[[noreturn]] void system_failure(const std::filesystem::path& path, int code) {
  throw DriverError(files::printable(path.string()) + ": cannot be read: " + std::generic_category().message(code),
                    {.name = path.string(), .native_code = code});
}

void check_is_file(const std::filesystem::path& path) {
  if (path.empty()) throw InvalidArgument("'': a trace's path is empty", about(path));
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  const std::string name = files::printable(path.string());
  if (path == "-") throw InvalidArgument("-: standard input is not read; save the trace to a file first", about(path));
  if (type == std::filesystem::file_type::not_found) throw NotFound(name + ": no such file", about(path));
  if (error) system_failure(path, error.value());
  if (type == std::filesystem::file_type::directory) {
    throw InvalidArgument(name + ": is a directory; a trace is one file", about(path));
  }
  if (type != std::filesystem::file_type::regular) {
    throw InvalidArgument(name + ": is not a regular file; save the trace to one first", about(path));
  }
}

/// A file that is open for reading.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path) : path_(path), file_(std::fopen(path.c_str(), "rb")) {
    if (!file_) system_failure(path_, errno);
  }

  /// Fills the span, or what of it the file still has.
  std::size_t read(std::span<char> to) {
    const std::size_t count = std::fread(to.data(), 1, to.size(), file_.get());
    if (std::ferror(file_.get()) != 0) system_failure(path_, errno);
    return count;
  }
  void rewind() {
    if (std::fseek(file_.get(), 0, SEEK_SET) != 0) system_failure(path_, errno);
  }
  [[nodiscard]] std::uintmax_t size() const {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path_, error);
    if (error) system_failure(path_, error.value());
    return size;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  const std::filesystem::path& path_;
  std::unique_ptr<std::FILE, Close> file_;
};

/// All that a source still has, where it has `expected` bytes or, unknown to the caller, more or fewer.
std::vector<char> read_all(const files::Source& source, std::size_t expected) {
  constexpr std::size_t least_buffer = std::size_t{1} << 20;
  std::vector<char> bytes(expected + 1);  // one more, which stays empty where the expectation is right
  std::size_t filled = source.read(bytes);
  while (filled == bytes.size()) {
    bytes.resize(std::max(2 * bytes.size(), least_buffer));
    const std::size_t more = source.read(std::span(bytes).subspan(filled));
    if (more == 0) break;
    filled += more;
  }
  bytes.resize(filled);
  return bytes;
}

TraceFormat identify_source(const files::Source& source) {
  std::array<char, 2 * CsvReader::longest_line> beginning{};
  const std::span<const char> start(beginning.data(), source.read(beginning));
  try {
    return identify(std::as_bytes(start));
  } catch (const ParseError& problem) {
    if (!source.is_cut()) throw;
    throw ParseError("has gzip data that are cut off (copy the file again), and the part before the cut " +
                     problem.message());
  }
}

/// A trace of whatever format. `open` gives a source that starts at the beginning; `bytes` is how much it has, or 0.
// The beginning first: a file that is no trace, say a model's weights, is refused unread.
Trace read_source(const std::function<files::Source()>& open, std::size_t bytes) {
  const TraceFormat format = identify_source(open());
  if (format == TraceFormat::pytorch_snapshot) {
    // Whole: a pickle's values refer to its bytes, and its end holds what is live there.
    const files::Source source = open();
    const std::vector<char> all = read_all(source, bytes);
    if (source.is_cut()) throw ParseError("is a snapshot in gzip data that are cut off; copy the file again");
    return read_pytorch_snapshot(std::as_bytes(std::span(all)));
  }
  CsvReader csv(open());
  return format == TraceFormat::rmm_csv ? read_rmm_csv(std::move(csv)) : read_interval_csv(std::move(csv));
}

Trace read_file(const std::filesystem::path& path) {
  InputFile file(path);
  const auto from_start = [&file]() -> files::Source {
    file.rewind();
    return {[&file](std::span<char> to) { return file.read(to); }};
  };
  std::array<char, 2> start{};
  const std::size_t known = file.read(start);
  if (files::GzipReader::is_gzip({start.data(), known}))
    return read_source([&] { return files::GzipReader::unpacked(from_start()); }, 0);
  const std::uintmax_t size = file.size();
  if (size > Pickle::max_file_bytes && start[0] == '\x80') {
    throw ParseError("is a pickle of 4 GiB or more; record a shorter history");
  }
  return read_source(from_start, static_cast<std::size_t>(size));
}

}  // namespace

Trace read_trace(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (files::GzipReader::is_gzip(text)) {
    const auto from_start = [text]() -> files::Source {
      return files::GzipReader::unpacked({[rest = text](std::span<char> to) mutable {
        const std::size_t count = rest.copy(to.data(), to.size());
        rest.remove_prefix(count);
        return count;
      }});
    };
    return read_source(from_start, 0);
  }
  switch (identify(file)) {
    case TraceFormat::pytorch_snapshot: return read_pytorch_snapshot(file);
    case TraceFormat::rmm_csv: return read_rmm_csv(text);
    case TraceFormat::interval_csv: return read_interval_csv(text);
    case TraceFormat::generated: break;
  }
  throw ParseError("has a format that can only be generated, not read");
}

Trace read_trace(const std::filesystem::path& path) {
  check_is_file(path);
  try {
    return read_file(path);
  } catch (const ParseError& problem) {
    throw ParseError(files::printable(path.string()) + ": " + problem.message(), about(path));
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(files::printable(path.string()) + ": is too large for this machine's memory", about(path));
  }
}

}  // namespace weir::replay
