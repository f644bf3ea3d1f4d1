// Which device a request means, in which order backends are tried, and what is said.
#include "device/choose.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "backend/dry/dry_backend.hpp"

namespace weir::device {
namespace {

using testing::HasSubstr;

DeviceInfo device(const std::string& provider, std::size_t index, std::string name, std::uint64_t memory) {
  DeviceInfo info;
  info.index = index;
  info.name = std::move(name);
  info.memory_total = memory;
  info.virtual_memory = provider == "fast";
  return info;
}

std::vector<Provider> world() {
  const auto open = [](std::size_t, const DeviceRequest&) { return backend::dry::make_dry_backend(1_GiB); };
  const auto refuse = [](std::size_t, const DeviceRequest&) -> std::shared_ptr<Backend> {
    throw DriverError("it is on fire", {.name = "open"});
  };
  return {{.name = "absent",
           .list =
               [](bool, std::string& why) {
                 why = "no driver";
                 return std::vector<DeviceInfo>{};
               },
           .open = open},
          {.name = "broken",
           .list = [](bool, std::string&) { return std::vector{device("broken", 0, "Wreck", 1_GiB)}; },
           .open = refuse},
          {.name = "fast",
           .list =
               [](bool, std::string&) {
                 return std::vector{device("fast", 0, "Small One", 2_GiB), device("fast", 1, "Large One", 8_GiB)};
               },
           .open = open},
          {.name = "host",
           .list = [](bool, std::string&) { return std::vector{device("host", 0, "memory", 4_GiB)}; },
           .open = open},
          {.name = "hidden",
           .only_by_name = true,
           .list = [](bool, std::string&) { return std::vector{device("hidden", 0, "Hidden", 1_GiB)}; },
           .open = open}};
}

std::string why(const DeviceRequest& request, const std::optional<std::string>& wish = {}) {
  return choose(world(), request, wish).why();
}

std::string refusal(const DeviceRequest& request, const std::optional<std::string>& wish = {}) {
  try {
    return "opened " + why(request, wish);
  } catch (const NotFound& error) {
    return error.message();
  }
}

TEST(Choose, GoesDownTheListAndSaysWhatWasPassedOver) {
  const std::string text = why({});
  EXPECT_THAT(text, HasSubstr("Small One (fast): the best available"));
  EXPECT_THAT(text, HasSubstr("absent: no driver"));
  EXPECT_THAT(text, HasSubstr("broken: Wreck cannot be opened: it is on fire"));
}

TEST(Choose, ABackendWithAnIndexOrAPartOfAName) {
  EXPECT_THAT(why({.backend = "fast:1"}), HasSubstr("Large One (fast): requested"));
  EXPECT_THAT(why({.backend = "fast:large"}), HasSubstr("Large One"));
  EXPECT_THAT(why({.backend = "hidden:0"}), HasSubstr("Hidden"));
  EXPECT_THAT(why({.preference = {"absent:0", "fast:1"}}), HasSubstr("Large One"));
  EXPECT_THAT(refusal({.backend = "fast:2"}), HasSubstr("Small One is not \"2\""));
  EXPECT_THAT(refusal({.backend = "nothing:0"}), HasSubstr("no backend \"nothing\""));
}

TEST(Choose, ByMemoryAndFeatures) {
  EXPECT_THAT(why({.min_memory = 4_GiB}), HasSubstr("Large One"));
  EXPECT_THAT(why({.min_memory = 4_GiB}), HasSubstr("Small One has 2.00 GiB of the 4.00 GiB needed"));
  EXPECT_THAT(refusal({.min_memory = 1_TiB}), HasSubstr("memory has 4.00 GiB"));
  EXPECT_THAT(why({.preference = {"host", "fast"}, .needs_virtual_memory = true}), HasSubstr("Small One"));
  EXPECT_THAT(refusal({.needs_pointers = true}), HasSubstr("has memory that the host cannot use"));
}

TEST(Choose, ByNameAndIndex) {
  EXPECT_THAT(why({.backend = "fast", .index = 1}), HasSubstr("Large One"));
  EXPECT_THAT(why({.name = "large"}), HasSubstr("Large One"));
  EXPECT_THAT(refusal({.backend = "absent"}), HasSubstr("no driver"));
  EXPECT_THAT(refusal({.backend = "nonsense"}), HasSubstr("there are: absent, broken, fast, host, hidden"));
  EXPECT_THAT(why({.backend = "hidden"}), HasSubstr("requested"));
}

TEST(Choose, AnExplicitRequestGoesBeforeTheEnvironment) {
  EXPECT_THAT(why({}, "host"), HasSubstr("memory (host): requested by WEIR_DEVICE=host"));
  EXPECT_THAT(why({}, "fast:1"), HasSubstr("Large One"));
  EXPECT_THAT(why({}, "absent,fast:large,host"), HasSubstr("Large One"));
  EXPECT_THAT(refusal({}, "fast:7"), HasSubstr("is not \"7\""));
  EXPECT_THAT(why({.backend = "host"}, "fast"), HasSubstr("memory (host)"));
  EXPECT_THROW(static_cast<void>(choose(world(), {}, ":1")), InvalidArgument);
}

}  // namespace
}  // namespace weir::device
