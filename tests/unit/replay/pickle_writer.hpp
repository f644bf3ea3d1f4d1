// Writes pickles opcode by opcode, right or wrong, and small PyTorch snapshots
// in them. Used by the tests of the pickle and snapshot readers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::replay::testing {

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// A value in pickled form, without the protocol before it and STOP after it.
using Pickled = std::string;

inline std::string little_endian(std::uint64_t value, std::size_t width) {
  std::string out;
  for (std::size_t i = 0; i < width; ++i) out += static_cast<char>((value >> (8 * i)) & 0xffU);
  return out;
}

inline Pickled text(std::string_view value) { return "X" + little_endian(value.size(), 4) + std::string(value); }
inline Pickled integer(std::int64_t value) { return "\x8a\x08" + little_endian(static_cast<std::uint64_t>(value), 8); }
/// As CPython writes a number from 2^63 on: with a ninth byte, for the sign.
inline Pickled large(std::uint64_t value) { return "\x8a\x09" + little_endian(value, 8) + '\0'; }
inline Pickled list(const std::vector<Pickled>& items) {
  std::string out = "](";
  for (const Pickled& item : items) out += item;
  return out + "e";
}
inline Pickled dict(const std::vector<std::pair<std::string, Pickled>>& entries) {
  std::string out = "}(";
  for (const auto& [key, value] : entries) out += text(key) + value;
  return out + "u";
}
/// A whole file of protocol 2.
inline std::string file(const Pickled& value) { return "\x80\x02" + value + "."; }

inline Pickled event(std::string_view action, std::int64_t address, std::int64_t bytes, std::int64_t stream = 0) {
  return dict({{"action", text(action)},
               {"addr", integer(address)},
               {"size", integer(bytes)},
               {"stream", integer(stream)},
               {"time_us", integer(1)},
               {"frames", list({})}});
}
inline Pickled block(std::int64_t address, std::int64_t size, std::int64_t requested, std::string_view state) {
  return dict({{"address", integer(address)},
               {"size", integer(size)},
               {"requested_size", integer(requested)},
               {"state", text(state)},
               {"frames", list({})}});
}
inline Pickled segment(std::int64_t device, std::int64_t address, std::int64_t total, std::int64_t stream,
                       const std::vector<Pickled>& blocks) {
  return dict({{"device", integer(device)},
               {"address", integer(address)},
               {"total_size", integer(total)},
               {"stream", integer(stream)},
               {"segment_type", text("large")},
               {"blocks", list(blocks)}});
}
/// A snapshot file: segments, and for each device its events.
inline std::string snapshot(const std::vector<Pickled>& segments, const std::vector<std::vector<Pickled>>& traces) {
  std::vector<Pickled> lists;
  lists.reserve(traces.size());
  for (const std::vector<Pickled>& trace : traces) lists.push_back(list(trace));
  return file(dict({{"segments", list(segments)}, {"device_traces", list(lists)}}));
}

}  // namespace weir::replay::testing
