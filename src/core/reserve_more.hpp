// Room in a container ahead of its use, for what may not allocate later. A container's
// own reserve(size() + n) takes just as much as that, again at each call, and moves or
// rehashes all that is there; so one that grows step by step takes the double.
#pragma once

#include <algorithm>
#include <cstddef>

namespace weir::core {

/// Until `more` elements are added none of them allocates room in the vector, or buckets in the table. Amortized
/// constant time an element. Throws std::bad_alloc.
template <class Container>
void reserve_more(Container& container, std::size_t more) {
  const std::size_t wanted = container.size() + more;
  if constexpr (requires { container.capacity(); }) {
    if (wanted > container.capacity()) container.reserve(std::max(wanted, 2 * container.capacity()));
  } else {
    const auto room =
        static_cast<std::size_t>(static_cast<float>(container.bucket_count()) * container.max_load_factor());
    if (wanted > room) container.reserve(std::max(wanted, 2 * room));
  }
}

}  // namespace weir::core
