// Structs that grow at their end: reads of a caller's only what the caller knows,
// and writes no more. Each starts with struct_size; the sizes of ABI version 1 are the least.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>

#include <weir/weir.h>
#include <weir/errors.hpp>

#include "capi/error.hpp"

namespace weir::capi {

// A field added later must not land in the padding of an earlier version, which old callers leave as it was.
inline constexpr std::size_t word = 8;
template <class Struct>
inline constexpr std::size_t first_size = 0;
template <>
inline constexpr std::size_t first_size<weir_device_options> = 3 * word;
template <>
inline constexpr std::size_t first_size<weir_device_info> = 9 * word;
template <>
inline constexpr std::size_t first_size<weir_pool_options> = 12 * word;
template <>
inline constexpr std::size_t first_size<weir_statistics> = 28 * word;

// What was added to a struct lies behind what the first version had.
static_assert(offsetof(weir_pool_options, log_user) == 11 * word);
static_assert(offsetof(weir_pool_options, max_handle_bytes) == first_size<weir_pool_options>);

template <class Struct>
void require_size(std::size_t size, const char* function) {
  static_assert(std::is_trivially_copyable_v<Struct> && std::is_standard_layout_v<Struct>);
  static_assert(first_size<Struct> != 0 && first_size<Struct> <= sizeof(Struct));
  if (size >= first_size<Struct>) return;
  throw InvalidArgument(std::string(function) + ": a struct_size of " + std::to_string(size) +
                            " is too small; set it to sizeof the struct, at least " +
                            std::to_string(first_size<Struct>),
                        {.name = "struct_size", .bytes_asked = size, .limit = first_size<Struct>});
}

/// The caller's options, and the defaults for those it does not know. NULL: all defaults.
template <class Struct>
Struct read_options(const Struct* given, Struct options, const char* function) {
  if (given == nullptr) return options;
  require_size<Struct>(given->struct_size, function);
  std::memcpy(&options, given, std::min(given->struct_size, sizeof options));
  return options;
}

/// As much of `from` as fits; its struct_size becomes that.
template <class Struct>
void write_result(Struct* to, Struct from, std::size_t size, const char* function) {
  require_size<Struct>(size, function);
  from.struct_size = std::min(size, sizeof from);
  std::memcpy(to, &from, from.struct_size);
}

}  // namespace weir::capi
