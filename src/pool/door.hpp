// What every door of the pool opens with. In paranoid builds it checks, after each
// operation that ran alone, that every reserved byte is in exactly one state; a
// miscount ends the program there, next to its cause. In other builds it is nothing.
#pragma once

#include "pool/implementation.hpp"

#ifdef WEIR_PARANOID
#include <cstdio>
#include <cstdlib>
#endif

namespace weir {

#ifdef WEIR_PARANOID

class Pool::Implementation::Door {
 public:
  explicit Door(Implementation& pool) noexcept : pool_(pool) { ++pool_.entered_; }
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  ~Door() {
    const std::uint64_t left = ++pool_.left_;
    if (pool_.forked() || pool_.entered_ != left) return;
    const Statistics seen = pool_.sums();
    if (pool_.entered_ != left) return;  // another operation began meanwhile; it will check
    const std::uint64_t sum = seen.live + seen.cached + seen.pending + seen.mapped_free + seen.held;
    if (sum == seen.reserved.live) return;
    std::fprintf(stderr, "pool \"%s\": reserved %llu, but its states sum to %llu\n", pool_.options_.name.c_str(),
                 static_cast<unsigned long long>(seen.reserved.live), static_cast<unsigned long long>(sum));
    std::abort();
  }

 private:
  Implementation& pool_;
};

#else

class Pool::Implementation::Door {
 public:
  explicit Door(const Implementation&) noexcept {}
};

#endif

}  // namespace weir
