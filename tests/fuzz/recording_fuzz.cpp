// Any bytes are a recording that can be converted, or a ParseError of one line. Sums of blocks are made right first, as
// no fuzzer would guess one, and with a wrong one nothing behind it is read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <weir/errors.hpp>

#include "monitor/block_reader.hpp"
#include "monitor/bytes.hpp"
#include "monitor/checksum.hpp"
#include "monitor/format.hpp"
#include "replay/convert.hpp"
#include "replay/recording.hpp"
#include "unit/replay/trace_facts.hpp"

namespace {

using namespace weir::replay;
namespace monitor = weir::monitor;

void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

/// Puts right sums into the header and into each block that is whole.
void mend(std::span<char> file) {
  if (file.size() < monitor::file_header_bytes) return;
  const std::span<char> header = file.first(monitor::file_header_bytes);
  const auto end = header.size() - sizeof(std::uint32_t);
  monitor::put_fixed(header.data() + end, monitor::checksum(header.first(end)));
  for (std::size_t at = header.size(); at + monitor::block_header_bytes <= file.size();) {
    const std::span<char> rest = file.subspan(at);
    const auto block = monitor::read_block_header(rest);
    if (!block || monitor::block_header_bytes + block->payload_bytes > rest.size()) return;
    const std::size_t size = monitor::block_header_bytes + block->payload_bytes;
    constexpr std::size_t summed_from = 8;
    monitor::put_fixed(rest.data() + sizeof(std::uint32_t), monitor::checksum(rest.first(size).subspan(summed_from)));
    at += size;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<char> file(size);
  std::copy(data, data + size, file.begin());
  mend(file);
  try {
    const Recording recording = read_recording(std::as_bytes(std::span(file)));
    for (const std::string& note : notes_on(recording)) {
      for (const char c : note) require(c >= 0x20 && c < 0x7f, "a note is no printable line");
    }
    std::string text;
    const auto keep = [&](std::string_view more) { text += more; };
    static_cast<void>(write_trace_json(recording, keep));
    require(text.size() >= 2 && text.front() == '{', "no JSON");
    const Trace trace = trace_of(recording);
    require(testing::broken_promise(trace).empty(), testing::broken_promise(trace));
  } catch (const weir::ParseError& error) {
    for (const char c : error.message()) require(c >= 0x20 && c < 0x7f, "a message is no printable line");
  }
  return 0;
}
