// Generates the trace of training a GPT-style transformer, step by step, as an
// eager framework would allocate: for demonstrations and benchmarks that need no
// recorded file, at any scale. Deterministic. Called by the tools and by bench.
#pragma once

#include <cstdint>

#include "replay/trace.hpp"

namespace weir::replay {

struct TransformerOptions {
  enum class Precision : std::uint8_t {
    fp32,
    bf16  ///< parameters, gradients and activations; statistics, Adam and a master copy stay fp32
  };
  std::uint64_t layers = 12;
  std::uint64_t width = 768;
  std::uint64_t heads = 12;     ///< divides width
  std::uint64_t context = 512;  ///< tokens in a sequence
  std::uint64_t batch = 8;      ///< sequences in a step
  std::uint64_t vocabulary = 50257;
  Precision precision = Precision::fp32;
  std::uint64_t steps = 3;
};

/// One device, one stream. Parameters come first; gradients appear in the first
/// backward pass and are given up at the start of each next step, Adam's states
/// appear in the first update, so the second step is the first like all later
/// ones. At the end everything is freed. Throws InvalidArgument that names the
/// option, also for models of more than 1 PiB.
[[nodiscard]] Trace generate_transformer(const TransformerOptions& options);

}  // namespace weir::replay
