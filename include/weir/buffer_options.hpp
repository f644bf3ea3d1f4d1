// What a buffer is for and how it may grow, and presets for common ones.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir {

/// What a buffer is used for. The first six are one and the same device memory: they say what it is for, and change
/// nothing on any backend there is. The host, dry and CUDA have one kind of memory; on Vulkan every buffer may be used
/// in all of these ways. The last two are the host's memory, pinned, on every backend, and count towards the pinned
/// limit: access() gives an address that the host may use as soon as the work that it queued there is done, also where
/// the device has no pointers, and MemoryManager::copy goes from and to device memory without another copy. They differ
/// in name only. CUDA and Vulkan register that memory with the driver; on the host and dry devices it is ordinary
/// memory.
enum class Usage : std::uint8_t {
  storage,             ///< kernels read and write it
  storage_read_only,   ///< kernels read it
  storage_write_only,  ///< kernels write it
  uniform,             ///< small constants of kernels and shaders
  vertex,              ///< vertices to draw
  index,               ///< indices of vertices
  staging_upload,      ///< the host writes it, the device copies from it
  staging_download,    ///< the device copies into it, the host reads it
};
/// Whether that is memory of the host.
[[nodiscard]] constexpr bool is_staging(Usage usage) noexcept {
  return usage == Usage::staging_upload || usage == Usage::staging_download;
}

struct BufferOptions {
  Usage usage = Usage::storage;
  /// How much more a growing buffer takes than it had: 1.0 to 4.0.
  double growth = 1.5;
  /// The largest size that this buffer may grow to. Bytes.
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
  /// The smallest capacity it starts with. Elements.
  std::size_t min_elements = 1;
  /// Whether start_download may be used on it.
  bool downloads = false;
  /// How many downloads of it may be under way or read at a time; at least 2.
  unsigned download_slots = 2;
  /// Never spilled to host memory when device memory runs short, which happens only with TransferOptions::spill_limit.
  bool persistent = false;
  /// A driver allocation of its own: not pooled, never moved, so that it can be given to other libraries; it cannot
  /// grow in place.
  bool plain = false;
  /// The addresses that it keeps when it first grows past a page, so that it stays where it is then until it is larger;
  /// 0: about twice its size, and a longer range each time that one is full. At most max_bytes count. Takes no memory;
  /// where no range is as long, it has a shorter one. Bytes.
  std::uint64_t range_bytes = 0;
};

/// For particles, graphs and grids. Elements of 12, 12, 12, 32, 8 and 4 bytes are what they were made for.
namespace presets {
inline constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

inline constexpr BufferOptions positions{
    .growth = 1.3, .max_bytes = 512 * mebibyte, .min_elements = 4096, .downloads = true};
inline constexpr BufferOptions velocities = positions;
inline constexpr BufferOptions forces{.growth = 1.3, .max_bytes = 512 * mebibyte, .min_elements = 4096};
inline constexpr BufferOptions edges{.growth = 2.0, .max_bytes = 2048 * mebibyte, .min_elements = 8192};
inline constexpr BufferOptions grid_cells{.growth = 1.5, .max_bytes = 256 * mebibyte, .min_elements = 2048};
inline constexpr BufferOptions standard{.growth = 1.5, .max_bytes = 1024 * mebibyte, .min_elements = 4096};
}  // namespace presets

}  // namespace weir
