#include "core/environment.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::core {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here writes it
  return text == nullptr || *text == '\0' ? std::nullopt : std::optional<std::string>(text);
}

template <std::size_t N>
std::optional<std::string> one_of(const char* name, const std::array<std::string_view, N>& allowed) {
  const std::optional<std::string> value = variable(name);
  if (!value || std::find(allowed.begin(), allowed.end(), *value) != allowed.end()) return value;
  std::string list;
  for (const std::string_view each : allowed) list += (list.empty() ? "" : ", ") + std::string(each);
  throw InvalidArgument(std::string(name) + "=\"" + *value + "\" is not one of: " + list, {.name = name});
}

}  // namespace

Environment environment() {
  Environment all;
  all.device = variable("WEIR_DEVICE");
  if (const auto limit = variable("WEIR_LIMIT")) {
    try {
      all.limit = parse_bytes(*limit);
    } catch (const InvalidArgument& error) {
      throw InvalidArgument("WEIR_LIMIT: " + error.message(), {.name = "WEIR_LIMIT"});
    }
  }
  all.pool = one_of<4>("WEIR_POOL", {"automatic", "pages", "segments", "off"});
  all.record = variable("WEIR_RECORD");
  all.log = one_of<4>("WEIR_LOG", {"debug", "info", "warning", "error"});
  return all;
}

}  // namespace weir::core
