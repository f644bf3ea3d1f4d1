// Writes recordings in weir's own format and in those of other tools. Each writer says what
// its format cannot hold, a line each. Called by `weir convert`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/recording.hpp"

namespace weir::replay {

enum class Target : std::uint8_t { weir_recording, pytorch_snapshot, trace_json, rmm_csv };

/// By a file's name: .weir, .pickle, .json, .csv.
[[nodiscard]] std::optional<Target> target_of(std::string_view path);

/// Takes the next part of the file.
using WriteText = std::function<void(std::string_view text)>;
/// What was lost on the way.
using Losses = std::vector<std::string>;

[[nodiscard]] Losses write_recording(const Recording& recording, Target target, const WriteText& write);

/// Blocks and pools; no event is lost.
[[nodiscard]] Losses write_weir(const Recording& recording, const WriteText& write);
/// What torch.cuda.memory._dump_snapshot writes, a device for each pool: pytorch.org/memory_viz opens it, and replay.
[[nodiscard]] Losses write_pytorch_snapshot(const Recording& recording, const WriteText& write);
/// Chrome's trace events, for ui.perfetto.dev and chrome://tracing: a process for each pool with its lines of memory,
/// its blocks, its transfers, and what was rare.
[[nodiscard]] Losses write_trace_json(const Recording& recording, const WriteText& write);
/// The log of RMM's logging_resource_adaptor, of the pool that allocated most.
[[nodiscard]] Losses write_rmm_csv(const Recording& recording, const WriteText& write);

/// Nanoseconds since 1970 of an event's time.
[[nodiscard]] inline std::uint64_t wall_time_of(const Recording& recording, std::uint64_t time) noexcept {
  return recording.wall_time + (time - recording.steady_time);
}

}  // namespace weir::replay
