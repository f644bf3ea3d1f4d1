// See identify.hpp.
#include "replay/identify.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"
#include "replay/csv.hpp"
#include "replay/recording.hpp"

namespace weir::replay {

namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view start;
  std::string_view kind;
};

constexpr std::array signatures{
    Signature{"PK\x03\x04"sv,
              "a zip archive, as torch.save writes; a memory snapshot is saved by "
              "torch.cuda.memory._dump_snapshot"sv},
    Signature{"\x1f\x8b"sv, "gzip data; unpack it first"sv},
    Signature{"BZh"sv, "bzip2 data; unpack it first"sv},
    Signature{"\xfd"
              "7zXZ"sv,
              "xz data; unpack it first"sv},
    Signature{"\x28\xb5\x2f\xfd"sv, "zstd data; unpack it first"sv},
    Signature{"\xff\xfe"sv, "UTF-16 text; save it as UTF-8"sv},
    Signature{"\xfe\xff"sv, "UTF-16 text; save it as UTF-8"sv},
    Signature{"version https://git-lfs"sv, "a Git LFS pointer; fetch the file with git lfs pull"sv},
    Signature{"\x7f"
              "ELF"sv,
              "a program"sv},
    Signature{"{"sv, "JSON or the like"sv},
    Signature{"["sv, "JSON or the like"sv},
    Signature{"<"sv, "an HTML or XML page"sv},
    Signature{"}q"sv, "a pickle of protocol 1; save it with protocol 2 or newer"sv},
    Signature{"]q"sv, "a pickle of protocol 1; save it with protocol 2 or newer"sv},
    Signature{"(dp"sv, "a pickle of protocol 0; save it with protocol 2 or newer"sv},
    Signature{"(lp"sv, "a pickle of protocol 0; save it with protocol 2 or newer"sv},
};

[[noreturn]] void refuse(std::string_view seen) {
  throw ParseError("is " + std::string(seen) +
                   "; accepted are recordings of weir, PyTorch memory snapshots (pickle), RMM logs "
                   "(Thread,Time,Action,Pointer,Size,Stream) and interval CSVs (id,lower,upper,size)");
}

/// The first line that is not blank, without its end.
std::string_view first_line(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  text.remove_prefix(start);
  return text.substr(0, text.find_first_of("\r\n"));
}

/// The format whose columns a header has, or nothing.
std::optional<TraceFormat> format_of_header(std::string_view line) {
  if (line.size() > CsvReader::longest_line) return std::nullopt;
  const std::string whole = std::string(line) + '\n';  // whether it is cut is not asked here
  std::optional<CsvReader> header;
  try {
    header.emplace(whole);
  } catch (const ParseError&) {
    return std::nullopt;
  }
  const auto has_all = [&header](std::initializer_list<std::string_view> names) {
    return std::all_of(names.begin(), names.end(),
                       [&header](std::string_view name) { return header->find_column(name).has_value(); });
  };
  if (has_all({"action", "pointer", "size"})) return TraceFormat::rmm_csv;
  if (has_all({"lower", "upper", "size"})) return TraceFormat::interval_csv;
  return std::nullopt;
}

}  // namespace

TraceFormat identify(std::span<const std::byte> file) {
  if (file.empty()) refuse("empty");
  if (is_recording(file)) return TraceFormat::weir_recording;
  if (file[0] == std::byte{0x80}) {
    const unsigned protocol = file.size() > 1 ? std::to_integer<unsigned>(file[1]) : 2;
    if (protocol >= 2 && protocol <= 5) return TraceFormat::pytorch_snapshot;
    refuse("a pickle of protocol " + std::to_string(protocol) + ", or no pickle at all");
  }
  const std::string_view whole(reinterpret_cast<const char*>(file.data()), file.size());
  const std::string_view line = first_line(without_byte_order_mark(whole));
  if (const auto format = format_of_header(line)) return *format;
  for (const Signature& signature : signatures) {
    if (whole.starts_with(signature.start) || line.starts_with(signature.start)) refuse(signature.kind);
  }
  if (line.empty()) refuse("only blanks");
  refuse("a file that starts with " + files::excerpt(line));
}

}  // namespace weir::replay
