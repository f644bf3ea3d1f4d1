// What buffers and transfers take: creation, growth in place, copies, overlap, reports,
// beside the bars of earlier systems. Each round is a fresh process, in which peers
// run in turn with what they are compared to.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace bench {

struct BuffersReport {
  std::string text;
  nlohmann::ordered_json rows;
  nlohmann::ordered_json raw;  ///< every round
};

/// Throws ChildFailed.
[[nodiscard]] BuffersReport run_buffers(unsigned rounds);

}  // namespace bench
