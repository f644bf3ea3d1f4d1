// The addresses that a pool ever used, as a few regions without the gaps between them: what an address
// map shows side by side. Every block and every mapped range lies in one region. Read by the report.
#pragma once

#include <cstdint>
#include <vector>

#include "replay/history.hpp"

namespace weir::replay {

struct AddressRegion {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  ///< bytes of all regions before it
};

/// By address. Gaps of up to 2 MiB stay in; where more than 256 regions are left, the smallest gaps stay in, too.
[[nodiscard]] std::vector<AddressRegion> regions_of(const History& history);

/// Where an address is, counted through all regions one behind the other. It has to lie in one.
[[nodiscard]] std::uint64_t offset_in(const std::vector<AddressRegion>& regions, std::uint64_t address) noexcept;

}  // namespace weir::replay
