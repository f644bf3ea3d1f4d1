// A request on its way through the pool, and what came of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <weir/pool.hpp>

#include "core/deadline.hpp"
#include "pool/cache/thread_cache.hpp"

namespace weir::pool {

/// What all tries of one request share: where it is refused others free memory, and it is tried again.
struct Tries {
  bool expects_refusal = false;            ///< nobody is asked to free memory for it, and no thread waited for
  std::optional<core::Deadline> deadline;  ///< of all its waits, from the first on

  /// The deadline, which begins now if it did not before.
  const core::Deadline& begin(std::chrono::nanoseconds time, const Clock& clock) {
    return deadline ? *deadline : deadline.emplace(time, clock);
  }
};

/// One request, as it came through a door.
struct Request {
  std::size_t bytes;
  StreamId stream;
  AllocateOptions options = {};
  CallSite where = {};
  ThreadCache* cache = nullptr;  ///< the thread's, if it was looked into and had none of the size
};

/// Who served a request, for the books.
enum class Source : std::uint8_t { cache, arena, driver };

struct Served {
  std::uint32_t id = 0;  ///< a `busy` block; 0 if the request is refused
  Source by = Source::cache;
};

/// Which memory a request may have.
enum class Ways : std::uint8_t {
  any,       ///< an ordinary block
  growable,  ///< one with address space kept behind it
  plain,     ///< an allocation of the driver's own
};

}  // namespace weir::pool
