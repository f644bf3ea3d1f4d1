#include "workloads/lidar/run/limits.hpp"

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include <weir/weir.hpp>

namespace weir::lidar {
namespace {

using namespace weir::literals;

using Try = std::function<void(std::uint64_t)>;

bool fits(std::uint64_t limit, const Try& try_memory) {
  try {
    try_memory(limit);
    return true;
  } catch (const Error&) {
    return false;  // whatever is wrong, this limit is not shown to do
  }
}

/// None where the limit that there is would do for the chunks, or none does: then it is not the limit.
std::optional<std::uint64_t> least_limit(std::uint64_t limit, const Try& try_memory) {
  constexpr std::uint64_t step = 1_MiB, most = std::uint64_t{1} << 44;
  if (fits(limit, try_memory)) return std::nullopt;
  std::uint64_t refused = limit / step, enough = 2 * (refused + 1);
  while (!fits(enough * step, try_memory)) {
    refused = enough;
    enough *= 2;
    if (enough * step > most) return std::nullopt;
  }
  while (enough - refused > 1) {
    const std::uint64_t middle = refused + (enough - refused) / 2;
    (fits(middle * step, try_memory) ? enough : refused) = middle;
  }
  return enough * step;
}

}  // namespace

void within_limit(std::uint64_t limit, const std::function<void()>& work, const Try& try_memory) {
  std::exception_ptr refusal;
  std::string refused;
  try {
    work();
    return;
  } catch (const LimitExceeded& error) {
    if (limit == 0) throw;
    refusal = std::current_exception();
    refused = error.message();
  } catch (const OutOfMemory& error) {
    if (limit == 0) throw;
    refusal = std::current_exception();
    refused = error.message();
  }
  const std::optional<std::uint64_t> least = least_limit(limit, try_memory);
  if (!least) std::rethrow_exception(refusal);
  throw LimitExceeded("a limit of " + format_bytes(limit) + " of device memory is too small; " + format_bytes(*least) +
                          " are enough (" + refused + ")",
                      {.name = "limit", .bytes_asked = least, .limit = limit});
}

}  // namespace weir::lidar
