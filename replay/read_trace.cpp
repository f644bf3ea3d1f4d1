#include "replay/read_trace.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"
#include "files/gzip.hpp"
#include "files/input_file.hpp"
#include "replay/csv.hpp"
#include "replay/identify.hpp"
#include "replay/interval_csv.hpp"
#include "replay/pickle.hpp"
#include "replay/pytorch_snapshot.hpp"
#include "replay/recording.hpp"
#include "replay/rmm_csv.hpp"

namespace weir::replay {

namespace {

ErrorFacts about(const std::filesystem::path& path) { return {.name = path.string()}; }

void check_is_file(const std::filesystem::path& path) {
  if (path.empty()) throw InvalidArgument("'': a trace's path is empty", about(path));
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  const std::string name = files::printable(path.string());
  if (path == "-") throw InvalidArgument("-: standard input is not read; save the trace to a file first", about(path));
  if (type == std::filesystem::file_type::not_found) throw NotFound(name + ": no such file", about(path));
  if (error) files::refuse_input(path, error.value());
  if (type == std::filesystem::file_type::directory) {
    throw InvalidArgument(name + ": is a directory; a trace is one file", about(path));
  }
  if (type != std::filesystem::file_type::regular) {
    throw InvalidArgument(name + ": is not a regular file; save the trace to one first", about(path));
  }
}

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

/// What a file is: a recording of weir's own, or a trace.
using Content = std::variant<Trace, Recording>;

/// Of whatever format. `open` gives a source that starts at the beginning; `bytes` is how much it has, or 0.
// The beginning first: a file that is no trace, say a model's weights, is refused unread.
Content read_source(const std::function<files::Source()>& open, std::size_t bytes) {
  const TraceFormat format = identify_source(open());
  if (format == TraceFormat::weir_recording) return read_recording(open());
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

Content read_file(const std::filesystem::path& path) {
  files::InputFile file(path);
  const auto from_start = [&file]() -> files::Source {
    file.rewind();
    return file.source();
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

Trace as_trace(Content content) {
  if (const auto* const recording = std::get_if<Recording>(&content)) return trace_of(*recording);
  return std::get<Trace>(std::move(content));
}

/// What is made of a file; errors name it.
template <class Use>
auto of_file(const std::filesystem::path& path, Use use) {
  check_is_file(path);
  try {
    return use(read_file(path));
  } catch (const ParseError& problem) {
    throw ParseError(files::printable(path.string()) + ": " + problem.message(), about(path));
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(files::printable(path.string()) + ": is too large for this machine's memory", about(path));
  }
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
    return as_trace(read_source(from_start, 0));
  }
  switch (identify(file)) {
    case TraceFormat::pytorch_snapshot: return read_pytorch_snapshot(file);
    case TraceFormat::rmm_csv: return read_rmm_csv(text);
    case TraceFormat::interval_csv: return read_interval_csv(text);
    case TraceFormat::weir_recording: return trace_of(read_recording(file));
    case TraceFormat::generated: break;
  }
  throw ParseError("has a format that can only be generated, not read");
}

Trace read_trace(const std::filesystem::path& path) {
  return of_file(path, [](Content content) { return as_trace(std::move(content)); });
}

Recording read_any_recording(const std::filesystem::path& path, std::vector<std::string>& notes) {
  return of_file(path, [&notes](Content content) {
    if (auto* const own = std::get_if<Recording>(&content)) {
      notes = notes_on(*own);
      return std::move(*own);
    }
    const Trace& trace = std::get<Trace>(content);
    if (trace.is_cut) notes.emplace_back("it is cut; what is whole is read");
    if (trace.skipped() != 0) notes.push_back(std::to_string(trace.skipped()) + " of its records are left out");
    if (trace.devices.front().times.empty()) notes.emplace_back("it has no times; a microsecond is put between events");
    return recording_of(trace);
  });
}

}  // namespace weir::replay
