// Tensors: device memory by shape and type of numbers. A TensorPool makes them as
// buffers of a MemoryManager and gives their memory back to its pool when they are
// released, so that the next tensor of the same size finds it there. A Tensor is a
// checked reference: a use after the release throws. Thread-safe, but for two calls
// about one tensor at a time.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weir/buffer.hpp>
#include <weir/call_site.hpp>
#include <weir/stream.hpp>

namespace weir {

class MemoryManager;

/// The type of a tensor's elements.
enum class DType : std::uint8_t {
  float16,   ///< 1 sign, 5 exponent and 10 fraction bits (IEEE 754)
  bfloat16,  ///< the upper half of a float32
  float32,
  float64,
  int8,
  uint8,
  int16,
  int32,
  int64,
  uint32,
  boolean,  ///< one byte
};

/// As the enumeration has it, but "bool" for `boolean`; "unknown" for a value that is none.
[[nodiscard]] std::string_view name(DType dtype) noexcept;
/// The bytes of one element. Throws InvalidArgument for a value that is none.
[[nodiscard]] std::size_t element_bytes(DType dtype);

/// The 16 bits of such a number, for memory and transfers; weir computes nothing with them.
struct Float16 {
  std::uint16_t bits = 0;
};
struct Bfloat16 {
  std::uint16_t bits = 0;
};

namespace detail {
template <class T>
struct DTypeOf;
#define WEIR_DTYPE(type, dtype)                  \
  template <>                                    \
  struct DTypeOf<type> {                         \
    static constexpr DType value = DType::dtype; \
  }
WEIR_DTYPE(Float16, float16);
WEIR_DTYPE(Bfloat16, bfloat16);
WEIR_DTYPE(float, float32);
WEIR_DTYPE(double, float64);
WEIR_DTYPE(std::int8_t, int8);
WEIR_DTYPE(std::uint8_t, uint8);
WEIR_DTYPE(std::int16_t, int16);
WEIR_DTYPE(std::int32_t, int32);
WEIR_DTYPE(std::int64_t, int64);
WEIR_DTYPE(std::uint32_t, uint32);
WEIR_DTYPE(bool, boolean);
#undef WEIR_DTYPE

struct TensorRecord;
class TensorBooks;
}  // namespace detail

/// The DType of a C++ type, for those that have one.
template <class T>
inline constexpr DType dtype_of = detail::DTypeOf<T>::value;

/// The extents of a tensor: 1 to 8 of them, each at least 1.
class Shape {
 public:
  static constexpr std::size_t max_rank = 8;

  /// Throws InvalidArgument for a rank or an extent out of range, and for more elements than the size type can count.
  Shape(std::initializer_list<std::size_t> extents);  // NOLINT(google-explicit-constructor): {2, 3} is a shape
  explicit Shape(std::span<const std::size_t> extents);

  [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
  [[nodiscard]] std::span<const std::size_t> extents() const noexcept { return {extents_.data(), rank_}; }
  /// The product of the extents.
  [[nodiscard]] std::size_t elements() const noexcept { return elements_; }
  /// "[64, 128]".
  [[nodiscard]] std::string text() const;

  friend auto operator<=>(const Shape& one, const Shape& other) = default;  // NOLINT(modernize-use-nullptr): has none

 private:
  std::size_t rank_ = 0;
  std::size_t elements_ = 0;
  std::array<std::size_t, max_rank> extents_{};
};

/// A checked reference to a tensor that a TensorPool made. Copyable; all copies are stale once one was released. Every
/// call on one that was released throws StaleHandle, which names its shape and type, but valid(), name(), shape(),
/// dtype() and bytes(), which a tensor keeps for ever.
class Tensor {
 public:
  Tensor() = default;

  [[nodiscard]] bool valid() const noexcept;
  /// "float32[64, 128] #12" after its pool's name; empty for one that never was. Its buffer is named so too.
  [[nodiscard]] std::string_view name() const noexcept;
  /// Throws StaleHandle for one that never was; likewise dtype() and bytes().
  [[nodiscard]] const Shape& shape() const;
  [[nodiscard]] DType dtype() const;
  [[nodiscard]] std::uint64_t bytes() const;

  /// Its elements, the last extent's side by side, for work on `stream`: the memory is not reused before that work is
  /// done. Keeps it on the device until buffer<T>().end_access(), where the manager spills. Throws TypeMismatch.
  template <class T>
  [[nodiscard]] DeviceSpan<T> access(StreamId stream = StreamId::legacy_default) const {
    return buffer<T>().access(stream);
  }
  /// The same for as long as the result lives, after which it may be spilled again.
  template <class T>
  [[nodiscard]] BufferUse<T> use(StreamId stream = StreamId::legacy_default) const {
    return buffer<T>().use(stream);
  }
  /// The buffer that it is, for views and for the manager's transfers: memory.upload(tensor.buffer<float>(), data). It
  /// is stale once the tensor was released. Throws TypeMismatch.
  template <class T>
  [[nodiscard]] BufferHandle<T> buffer() const {
    return BufferHandle<T>(core(dtype_of<T>));
  }

  friend bool operator==(const Tensor& one, const Tensor& other) noexcept { return one.record_ == other.record_; }

 private:
  friend class detail::TensorBooks;
  friend class TensorPool;
  friend class Tidy;
  explicit Tensor(std::shared_ptr<detail::TensorRecord> record) noexcept : record_(std::move(record)) {}
  [[nodiscard]] const detail::TensorRecord& known() const;
  [[nodiscard]] std::shared_ptr<detail::BufferCore> core(DType wanted) const;

  std::shared_ptr<detail::TensorRecord> record_;
};

/// How many tensors, and their bytes.
struct TensorCounts {
  std::uint64_t acquired = 0;  ///< reused + created
  std::uint64_t reused = 0;    ///< of those, in memory where a tensor of the same shape and type had lain
  std::uint64_t created = 0;   ///< in other memory
  std::uint64_t prepared = 0;  ///< by preallocate()
  std::uint64_t live = 0;      ///< acquired and not released
  std::uint64_t peak = 0;      ///< the most that were live at a time
  std::uint64_t bytes = 0;     ///< of live ones
  std::uint64_t peak_bytes = 0;
};
struct ShapeStatistics : TensorCounts {
  Shape shape;
  DType dtype;

  ShapeStatistics(const TensorCounts& counts, const Shape& of, DType type)
      : TensorCounts(counts), shape(of), dtype(type) {}
};
/// Of all shapes together, and of each, by shape and then by type. Memory that released tensors left is the pool's:
/// Statistics::cached, pending and mapped_free have it.
struct TensorPoolStatistics : TensorCounts {
  std::vector<ShapeStatistics> by_shape;
};

/// Tensors of one shape and type that preallocate() makes memory ready for.
struct TensorDemand {
  Shape shape;
  DType dtype = DType::float32;
  std::size_t count = 1;
};

/// Tensors over the memory of one manager. What is released goes back to the manager's pool at once, in the order of
/// the streams that used it, and serves the next tensor of that size from the pool's caches without a driver call; it
/// keeps no memory from anyone else.
class TensorPool {
 public:
  /// `memory` outlives it. The name is 1 to 128 bytes, as a buffer's otherwise. Throws InvalidArgument.
  explicit TensorPool(MemoryManager& memory, std::string_view name = "tensors");
  /// Frees every tensor; those that were live are reported to the manager's log as leaks, and their handles are stale.
  /// No other call may be in flight.
  ~TensorPool();
  TensorPool(const TensorPool&) = delete;
  TensorPool& operator=(const TensorPool&) = delete;

  /// A tensor with undefined contents, usable in the order of `stream`. It is a buffer of the manager, named as
  /// Tensor::name, that allows downloads. Throws InvalidArgument for a type that is none and for more bytes than the
  /// size type can count, LimitExceeded, OutOfMemory; then nothing has changed.
  [[nodiscard]] Tensor acquire(const Shape& shape, DType dtype, StreamId stream = StreamId::legacy_default,
                               CallSite where = CallSite::here());
  template <class T>
  [[nodiscard]] Tensor acquire(const Shape& shape, StreamId stream = StreamId::legacy_default,
                               CallSite where = CallSite::here()) {
    return acquire(shape, dtype_of<T>, stream, where);
  }
  /// Gives its memory back, in the order of the streams that it was used on. Does not wait. Throws StaleHandle for one
  /// that was released before or never was, InvalidArgument for another pool's.
  void release(const Tensor& tensor);

  /// Makes memory ready for so many tensors more than are live, so that to acquire them on `stream` from this thread
  /// calls no driver. It is free memory of the pool: others may take it, and it goes back to the driver after
  /// PoolOptions::idle_age, but for keep_free. Where the pool is off nothing is kept. All or nothing. Throws as
  /// acquire.
  void preallocate(std::span<const TensorDemand> demands, StreamId stream = StreamId::legacy_default);
  void preallocate(std::initializer_list<TensorDemand> demands, StreamId stream = StreamId::legacy_default) {
    preallocate(std::span(demands.begin(), demands.size()), stream);
  }
  /// Returns free memory, what released tensors left and other, to the driver, as MemoryManager::trim; gives the bytes.
  std::uint64_t trim();

  [[nodiscard]] TensorPoolStatistics statistics() const;
  [[nodiscard]] const std::string& name() const noexcept;

 private:
  friend class Tidy;
  std::shared_ptr<detail::TensorBooks> books_;
};

}  // namespace weir
