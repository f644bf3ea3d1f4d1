// A workload's kernels as one list, and what follows from it: the enumeration, the calls by name and the shaders. The
// list is a macro in a file of its own, with an entry a line that weir_compute_shaders() of cmake/shaders.cmake reads
// too: KERNEL(make_code, words) or KERNEL(find_features, reals). `words` says that a kernel has whole numbers only; one
// with `reals` is built with real numbers of 64 bits as well. Used by the headers in which a workload has its plan, its
// thread and its shaders; workloads/lidar/device/kernels.hpp is such a list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "compute/language.hpp"

/// Defines `enum class Body` and how many there are.
#define WEIR_COMPUTE_BODIES(LIST)                             \
  enum class Body : std::uint8_t { LIST(WEIR_COMPUTE_NAME) }; \
  inline constexpr std::size_t body_count = 0 LIST(WEIR_COMPUTE_ONE_MORE);

/// Defines run_item<Body>(thread, item), which calls the body of that name, a member of `thread`; and
/// with_body(body, call), which calls `call` with the body as a constant.
#define WEIR_COMPUTE_CALLS(LIST)                                                          \
  template <Body body, class Thread>                                                      \
  WEIR_COMPUTE_BODY void run_item(Thread& thread, ::weir::compute::language::uint item) { \
    LIST(WEIR_COMPUTE_RUN)                                                                \
  }                                                                                       \
  template <class Call>                                                                   \
  void with_body(Body body, const Call& call) {                                           \
    switch (body) { LIST(WEIR_COMPUTE_CASE) }                                             \
  }

#define WEIR_COMPUTE_NAME(name, numbers) name,
#define WEIR_COMPUTE_ONE_MORE(name, numbers) +1  // NOLINT(bugprone-macro-parentheses): a part of a sum
#define WEIR_COMPUTE_RUN(name, numbers) \
  if constexpr (body == Body::name) thread.name(item);
#define WEIR_COMPUTE_CASE(name, numbers) \
  case Body::name: return call(std::integral_constant<Body, Body::name>{});
