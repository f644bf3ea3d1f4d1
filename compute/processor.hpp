// Which level of x86-64 this processor runs, for code that is built for several. Used by the workloads' host kernels.
#pragma once

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

}  // namespace weir::compute
