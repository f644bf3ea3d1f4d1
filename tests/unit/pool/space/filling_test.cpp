// A large device that is filled takes few driver calls: new handles grow with what is mapped.
#include <random>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>

#include "unit/pool/whole_space.hpp"

namespace weir::pool {
namespace {

using namespace weir::literals;

TEST(Filling, OfADeviceTakesACallForManyPages) {
  constexpr std::uint64_t max_calls = 12'000;  // two for each page of 2 MiB would be 74,000
  WholeSpace whole(160_GiB / WholeSpace::page);
  std::mt19937_64 random(1);
  for (std::uint64_t filled = 0; filled < 72_GiB;) {
    const std::uint64_t bytes = 1_MiB + random() % 39_MiB;
    const Placement wanted{
        .granules = static_cast<std::uint32_t>(bytes / 512), .alignment = 1, .stream_index = clean_index};
    std::uint32_t id = whole.space.fit_in_any(wanted, nullptr);
    if (id == 0) id = whole.grow(wanted, Effort::thrifty).id;
    ASSERT_NE(id, 0u);
    filled += bytes;
  }
  EXPECT_LE(whole.dry->driver_calls().about_memory(), max_calls);
  EXPECT_LE(whole.reserved_pages() * WholeSpace::page, 73_GiB);
}

}  // namespace
}  // namespace weir::pool
