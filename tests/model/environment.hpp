// What a run of the model tests may be told by the environment, and the run of a random program so.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace weir::model {

[[nodiscard]] inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr || *text == '\0' ? otherwise : std::stoull(text);
}

/// A random program from its first step to its end. It takes one of `share` of the operations.
template <class Program, class Configuration>
void expect_agreement(const Configuration& configuration, std::uint64_t share) {
  const std::uint64_t seed = number_from("WEIR_MODEL_SEED", std::random_device{}());
  const std::uint64_t operations = number_from("WEIR_MODEL_OPERATIONS", 20'000) / share;
  SCOPED_TRACE("WEIR_MODEL_SEED=" + std::to_string(seed));
  testing::Test::RecordProperty("seed", std::to_string(seed));
  Program program(configuration, seed);
  for (std::uint64_t i = 0; i < operations; ++i) {
    const std::string wrong = program.step();
    ASSERT_EQ(wrong, "") << "at step " << i << ": " << program.last();
  }
  ASSERT_EQ(program.finish(), "");
}

}  // namespace weir::model
