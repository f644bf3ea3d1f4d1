// Which level of x86-64 this processor runs, for code that is built for several. Used by the workloads' host kernels.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <weir/errors.hpp>

namespace weir::compute {

#if defined(__x86_64__)
/// AVX2 and what came with it.
[[nodiscard]] inline bool runs_v3() noexcept {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
}
/// AVX-512 as servers have it.
[[nodiscard]] inline bool runs_v4() noexcept {
  return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

/// The last of the levels that run here, which have a `name`, or the one that is asked for. Throws NotFound, which
/// lists them.
template <class Level>
[[nodiscard]] Level choose_level(const std::vector<Level>& all, std::string_view name) {
  if (name.empty()) return all.back();
  std::string names;
  for (const Level& each : all) {
    if (each.name == name) return each;
    names += (names.empty() ? "" : ", ") + std::string(each.name);
  }
  const std::string text(name);
  throw NotFound("no kernels \"" + text + "\" for this processor; there are: " + names, {.name = text});
}

}  // namespace weir::compute
