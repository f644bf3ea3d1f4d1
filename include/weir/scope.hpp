// Pooling scopes: many named columns over the same rows, taken up front as one block of memory, kept for every chunk
// of the rows, and given back together at the scope's end, on errors too. And how large chunks should be. Made by a
// MemoryManager.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <weir/buffer.hpp>

namespace weir {

class Pool;

/// A column of a scope: one element of a type for each row.
struct ScopeColumn {
  std::string name;
  ElementType type;
};
template <class T>
[[nodiscard]] ScopeColumn scope_column(std::string name) {
  return {std::move(name), element_type<T>()};
}

struct ScopeStatistics {
  std::string scope;
  std::uint64_t columns = 0;      ///< buffers by name
  std::uint64_t chunks = 0;       ///< begun
  std::uint64_t allocations = 0;  ///< columns that memory was taken for
  std::uint64_t reuses = 0;       ///< times that a chunk found a column's memory there
  std::uint64_t values = 0;       ///< columns × rows of all chunks
  std::uint64_t peak_bytes = 0;   ///< of the scope's memory
  double average_column_bytes = 0;

  /// reuses ÷ (allocations + reuses); 0 when there was neither.
  [[nodiscard]] double reuse_rate() const noexcept {
    const std::uint64_t all = allocations + reuses;
    return all == 0 ? 0.0 : static_cast<double>(reuses) / static_cast<double>(all);
  }
  /// One line.
  [[nodiscard]] std::string summary() const;
};

/// A column's elements, for work on a stream, while this lives: the scope is not spilled meanwhile. Move-only.
template <class T>
class ColumnUse {
 public:
  [[nodiscard]] DeviceSpan<T> span() const noexcept { return {memory_.span().address() + offset_, rows_}; }
  [[nodiscard]] T* data() const noexcept { return span().data(); }
  [[nodiscard]] std::size_t size() const noexcept { return rows_; }

 private:
  friend class PoolingScope;
  ColumnUse(BufferUse<std::byte> memory, std::size_t offset, std::size_t rows) noexcept
      : memory_(std::move(memory)), offset_(offset), rows_(rows) {}
  BufferUse<std::byte> memory_;
  std::size_t offset_;
  std::size_t rows_;
};

/// Owns its memory; move-only. External synchronization.
class PoolingScope {
 public:
  /// The distance between columns is a multiple of this. Bytes.
  static constexpr std::size_t alignment = 512;

  PoolingScope() = default;
  /// What the columns take up for `rows` rows. Throws InvalidArgument for no rows, no columns or a name that is there
  /// twice, LimitExceeded where the sum does not fit 64 bits.
  [[nodiscard]] static std::uint64_t bytes(std::size_t rows, const std::vector<ScopeColumn>& columns);
  /// Lays the columns out in `memory`, of bytes(rows, columns) bytes at least, else InvalidArgument;
  /// MemoryManager::scope sees to that.
  PoolingScope(Buffer<std::byte> memory, std::size_t rows, std::vector<ScopeColumn> columns);

  [[nodiscard]] std::string_view name() const noexcept { return memory_.name(); }
  /// The most rows of a chunk.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Of the chunk that was begun last; capacity() before the first.
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  /// Starts a chunk of `rows` rows in the same memory. Nothing is allocated. Throws InvalidArgument for more than
  /// capacity().
  void begin_chunk(std::size_t rows);

  /// The column's elements, as many as the chunk has rows, for work on `stream`; at the same address for the same name
  /// until the end, or until memory().end_access() lets the scope be spilled. Throws NotFound, which lists the names
  /// there are, and TypeMismatch.
  template <class T>
  [[nodiscard]] DeviceSpan<T> access(std::string_view column, StreamId stream = StreamId::legacy_default) const {
    const PlacedColumn& place = find(column, element_type<T>());
    return {memory_.access(stream).address() + place.offset, rows_};
  }
  /// The same for as long as the result lives, after which the scope, all columns together, may be spilled again.
  template <class T>
  [[nodiscard]] ColumnUse<T> use(std::string_view column, StreamId stream = StreamId::legacy_default) const {
    const PlacedColumn& place = find(column, element_type<T>());
    return {memory_.use(stream), place.offset, rows_};
  }
  /// Where the column starts in memory(). Bytes. Throws NotFound.
  [[nodiscard]] std::size_t offset(std::string_view column) const { return find(column).offset; }
  /// All columns, one after the other: for transfers of all at once.
  [[nodiscard]] const BufferHandle<std::byte>& memory() const noexcept { return memory_; }

  [[nodiscard]] ScopeStatistics statistics() const;

 private:
  struct PlacedColumn {
    ScopeColumn column;
    std::size_t offset = 0;
  };
  [[nodiscard]] const PlacedColumn& find(std::string_view column) const;
  [[nodiscard]] const PlacedColumn& find(std::string_view column, const ElementType& wanted) const;

  Buffer<std::byte> memory_;
  std::vector<PlacedColumn> places_;
  std::size_t capacity_ = 0, rows_ = 0;
  std::uint64_t chunks_ = 0, values_ = 0;
};

/// A part of a sequence of items.
struct ChunkRange {
  std::size_t first = 0;
  std::size_t count = 0;
};

/// Splits [0, items) into chunks of `chunk_items`, but for the last. A last one below `fold_below` × chunk_items is
/// joined to the one before it, which then has up to (1 + fold_below) × chunk_items. Throws InvalidArgument for chunks
/// of no items, and for a part that is not from 0 to 1.
[[nodiscard]] std::vector<ChunkRange> chunks(std::size_t items, std::size_t chunk_items, double fold_below = 0.3);

/// Bytes that a pool could still hand out: what it holds free, and what its limit, or its soft limit, and its device
/// have beyond that.
[[nodiscard]] std::uint64_t free_bytes(const Pool& pool);
/// The largest chunk, of items of so many bytes, that is safe to take of what is free: 0.7 of free_bytes, at most 0.8
/// of the device, with space for a last chunk that was joined. At least 1. Throws InvalidArgument for 0 bytes.
[[nodiscard]] std::size_t automatic_chunk(const Pool& pool, std::uint64_t bytes_per_item);

struct ChunkOptions {
  std::size_t chunk_items = 100;
  /// What one item takes of `pool`: then chunks are as large as automatic_chunk says, and chunk_items does not count.
  std::uint64_t bytes_per_item = 0;
  const Pool* pool = nullptr;  ///< not owned
  double fold_below = 0.3;     ///< as in chunks()
};
struct ChunkedRun {
  std::vector<ChunkRange> chunks;  ///< as they were done
  std::uint64_t retries = 0;       ///< times that a chunk was halved for lack of memory
};

/// Calls `work` for one chunk of [0, items) after the other, in order, and says what was done. Where memory was refused
/// it (OutOfMemory, LimitExceeded) the chunk is begun again with half the items, and later ones are no larger: so
/// `work` has to be fit for being begun anew after such an error, with the same first item. A refusal of a single item,
/// and all other errors, are thrown on. Throws InvalidArgument for options that make no sense, as chunks(), and for
/// bytes_per_item without a pool.
ChunkedRun process_in_chunks(std::size_t items, const ChunkOptions& options,
                             const std::function<void(const ChunkRange&)>& work);

}  // namespace weir
