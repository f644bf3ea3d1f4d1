// See read_trace.hpp. The file is read rather than mapped: one that another
// process shortens meanwhile is then a parse error and not a SIGBUS.
#include "monitor/replay/read_trace.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <weir/errors.hpp>

#include "monitor/replay/csv.hpp"
#include "monitor/replay/excerpt.hpp"
#include "monitor/replay/identify.hpp"
#include "monitor/replay/interval_csv.hpp"
#include "monitor/replay/pickle.hpp"
#include "monitor/replay/pytorch_snapshot.hpp"
#include "monitor/replay/rmm_csv.hpp"

namespace weir::replay {

namespace {

ErrorFacts about(const std::filesystem::path& path) { return {.name = path.string()}; }

[[noreturn]] void system_failure(const std::filesystem::path& path, int code) {
  throw DriverError(printable(path.string()) + ": cannot be read: " + std::generic_category().message(code),
                    {.name = path.string(), .native_code = code});
}

void check_is_file(const std::filesystem::path& path) {
  if (path.empty()) throw InvalidArgument("'': a trace's path is empty", about(path));
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  const std::string name = printable(path.string());
  if (type == std::filesystem::file_type::not_found) throw NotFound(name + ": no such file", about(path));
  if (error) system_failure(path, error.value());
  if (type == std::filesystem::file_type::directory) {
    throw InvalidArgument(name + ": is a directory; a trace is one file", about(path));
  }
  if (type != std::filesystem::file_type::regular) {
    throw InvalidArgument(name + ": is not a regular file; save the trace to one first", about(path));
  }
}

/// Appends up to `count` more bytes of the file.
void read_more(std::FILE* file, std::uintmax_t count, std::vector<std::byte>& bytes,
               const std::filesystem::path& path) {
  const std::size_t before = bytes.size();
  bytes.resize(before + static_cast<std::size_t>(count));
  bytes.resize(before + std::fread(bytes.data() + before, 1, bytes.size() - before, file));
  if (std::ferror(file) != 0) system_failure(path, errno);
}

// The beginning first: a file that is no trace, say a model's weights, is refused unread.
std::vector<std::byte> read_bytes(const std::filesystem::path& path) {
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  if (!file) system_failure(path, errno);
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) system_failure(path, error.value());

  constexpr std::uintmax_t beginning = 2 * CsvReader::longest_line;
  std::vector<std::byte> bytes;
  read_more(file.get(), std::min(size, beginning), bytes, path);
  if (identify(bytes) == TraceFormat::pytorch_snapshot && size > Pickle::max_file_bytes) {
    throw ParseError("is a pickle of 4 GiB or more; record a shorter history");
  }
  read_more(file.get(), size - bytes.size(), bytes, path);
  return bytes;
}

}  // namespace

Trace read_trace(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  switch (identify(file)) {
    case TraceFormat::pytorch_snapshot: return read_pytorch_snapshot(file);
    case TraceFormat::rmm_csv: return read_rmm_csv(text);
    case TraceFormat::interval_csv: return read_interval_csv(text);
    case TraceFormat::generated: break;
  }
  throw ParseError("is of a format that is only generated");
}

Trace read_trace(const std::filesystem::path& path) {
  check_is_file(path);
  try {
    return read_trace(read_bytes(path));
  } catch (const ParseError& problem) {
    throw ParseError(printable(path.string()) + ": " + problem.message(), about(path));
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(printable(path.string()) + ": is too large for this machine's memory", about(path));
  }
}

}  // namespace weir::replay
