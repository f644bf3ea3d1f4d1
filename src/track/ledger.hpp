// One thread's book of one kind of bytes: what it handed out, what it took back,
// and the credit it may still spend before the pool's peak could rise. The two
// sums only grow and are all that a hit writes; everything else is derived.
// Written by the owning thread, read by any.
#pragma once

#include <cstdint>

#include "track/counter.hpp"

namespace weir::track {

struct Ledger {
  Counter<std::uint64_t> out;     ///< bytes handed out, all told
  Counter<std::uint64_t> in;      ///< bytes taken back, all told
  Counter<std::int64_t> granted;  ///< credit received from the peak meter, less what was given back

  [[nodiscard]] std::int64_t credit() const noexcept {
    return granted.get() + static_cast<std::int64_t>(in.get() - out.get());
  }
};

}  // namespace weir::track
