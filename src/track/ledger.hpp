// One thread's book of one kind of bytes: what it handed out, and how far that may
// go before the pool's peak could rise. A hit adds to the one sum, a free to the
// other; everything else is derived. Written by the owning thread, read by any.
#pragma once

#include <cstdint>

#include "track/counter.hpp"

namespace weir::track {

struct Ledger {
  Counter<std::uint64_t> out;       ///< bytes handed out, all told
  Counter<std::uint64_t> returned;  ///< bytes taken back, all told, and the credit granted by the peak meter

  [[nodiscard]] std::int64_t credit() const noexcept { return static_cast<std::int64_t>(returned.get() - out.get()); }
  [[nodiscard]] bool overdrawn() const noexcept { return credit() < 0; }
  /// Hands out bytes; gives the credit that is left, negative if that overdrew it.
  std::int64_t spend(std::uint64_t bytes) noexcept {
    const std::uint64_t sum = out.add(bytes);
    return static_cast<std::int64_t>(returned.get() - sum);
  }
  /// Takes bytes back; gives the credit there is then.
  std::int64_t take_back(std::uint64_t bytes) noexcept {
    const std::uint64_t sum = returned.add(bytes);
    return static_cast<std::int64_t>(sum - out.get());
  }
  /// Credit received from the peak meter, or given back to it.
  void grant(std::int64_t credit) noexcept { returned.add(static_cast<std::uint64_t>(credit)); }
};

}  // namespace weir::track
