// What the environment's variables ask for; the one place that reads them. What a
// program says itself goes first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weir::core {

struct Environment {
  std::optional<std::string>
      device;  ///< WEIR_DEVICE: "cuda:1,host"; backends by preference, each with an index or name
  std::optional<std::uint64_t> limit;  ///< WEIR_LIMIT: bytes a pool takes at most
  std::optional<std::string> pool;     ///< WEIR_POOL: "pages", "segments" or "off"
  std::optional<std::string> log;      ///< WEIR_LOG: the least level that goes to stderr
  std::optional<std::string> record;   ///< WEIR_RECORD: the file that all pools are recorded to
};

/// Throws InvalidArgument that names the variable and what it may be. An empty variable counts as not set.
[[nodiscard]] Environment environment();

}  // namespace weir::core
