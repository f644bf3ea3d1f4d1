// A subject: one allocator, behind pointer in and pointer out. Each is a program of its own, because
// the malloc replacements cannot share a process: the same driver, linked with one file that defines
// these functions. The driver calls them across translation units, so that the way in costs every
// subject the same one call.
#pragma once

#include <cstddef>
#include <string>

namespace bench::subject {

/// Called once, before the first allocation. With `bypass_cache` weir serves from behind its thread
/// caches; the peers have no such switch and run as they are.
void open(bool bypass_cache);
/// Called once, when every block has been given back.
void close();
/// What the calling thread allocates follows a stream of its own from now on; nothing where there are no streams.
void take_stream();
/// nullptr where memory ran out, or an exception.
[[nodiscard]] void* allocate(std::size_t bytes);
/// `bytes` as asked for: of use only to allocators whose interface wants it.
void deallocate(void* address, std::size_t bytes);
/// The name and version of what is linked in.
[[nodiscard]] std::string version();

}  // namespace bench::subject
