#include "inject.hpp"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "faults/injector.hpp"
#include "open/wrap_backends.hpp"

namespace weir::tool {
namespace {

void tell(const std::string& line) { std::fprintf(stderr, "weir: %s\n", line.c_str()); }

std::optional<faults::Injector>& injector() {
  static std::optional<faults::Injector> made;
  return made;
}

}  // namespace

void inject_faults() {
  const char* const text = std::getenv("WEIR_INJECT");  // NOLINT(concurrency-mt-unsafe): nothing here writes it
  if (text == nullptr || *text == '\0') return;
  injector().emplace(faults::parse_plan(text), tell);
  open::wrap_backends([](std::shared_ptr<device::Backend> opened) { return injector()->wrap(std::move(opened)); });
}

void tell_missed_faults() {
  if (!injector()) return;
  if (const std::string missed = injector()->missed(); !missed.empty()) tell(missed);
}

}  // namespace weir::tool
