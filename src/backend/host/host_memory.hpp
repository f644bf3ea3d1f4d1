// How much memory the system lets this process have: the machine's, bounded by the
// process's control groups (versions 1 and 2, each up to the root, as any of them may
// be the tightest) and by its limits on addresses and data. Files that are missing or
// make no sense bound nothing. Called when the host device is opened, and asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weir::backend::host {

/// Bytes; free ones are never more than there are in all.
struct HostMemory {
  std::uint64_t total = 0;
  std::optional<std::uint64_t> free;
};

/// Limits of the process itself (getrlimit); empty: none.
struct ProcessLimits {
  std::optional<std::uint64_t> addresses;
  std::optional<std::uint64_t> data;
};
[[nodiscard]] ProcessLimits process_limits() noexcept;

/// Bytes that the process may still map; empty: no limit.
[[nodiscard]] std::optional<std::uint64_t> free_addresses();

/// `root` stands before /proc and /sys, so that tests can make up a system.
[[nodiscard]] HostMemory host_memory(const ProcessLimits& limits = process_limits(), const std::string& root = {});

}  // namespace weir::backend::host
