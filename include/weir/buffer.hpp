// Buffers: typed, named blocks of device memory that grow. `Buffer<T>` owns one
// and frees it at the end of its scope; `BufferHandle<T>` refers to one that a
// MemoryManager or a Buffer owns, and says so when it is gone. Made by a
// MemoryManager. One buffer: external synchronization; different ones: any threads.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <weir/buffer_options.hpp>
#include <weir/stream.hpp>

namespace weir {

/// Where the contents of a buffer are.
enum class Residency : std::uint8_t {
  device,  ///< in device memory; in the host's for a staging buffer
  host,    ///< spilled to pinned memory of the host: the next use on a stream brings them back
  lost,    ///< gone with their device: uses throw DeviceLost until all elements in use are uploaded or copied there
};

/// What is known of one buffer. Bytes where nothing else is said.
struct BufferStatistics {
  std::string name;
  std::string type;             ///< of its elements, as the compiler writes it
  std::size_t capacity = 0;     ///< elements
  std::size_t size = 0;         ///< elements in use
  std::uint64_t requested = 0;  ///< capacity in bytes
  std::uint64_t allocated = 0;  ///< the same after rounding; page tails count; 0 while it is spilled or lost
  Residency residency = Residency::device;
  std::uint64_t spills = 0;     ///< how often it was moved to host memory
  std::uint64_t host_copy = 0;  ///< bytes that MemoryManager::keep_host_copy keeps of it
  std::chrono::nanoseconds age{};
  std::chrono::nanoseconds since_access{};  ///< since the last access, transfer or resize
  std::uint64_t accesses = 0;
  std::uint64_t resizes = 0;           ///< changes of capacity
  std::uint64_t resizes_in_place = 0;  ///< of those, without moving
  std::uint64_t bytes_moved = 0;       ///< copied by resizes that moved
  /// Whether it has a range of addresses of its own with addresses left: pages are mapped at its end when it grows, and
  /// the address stays. False until it has grown past a page for the first time, when its range is full, where no
  /// addresses are left for one, and where there is no virtual memory: then it moves when it grows, by remapping or by
  /// a copy.
  bool grows_in_place = false;
  std::size_t capacity_in_place = 0;  ///< elements that it can have where it is
  std::uint64_t uploads = 0;
  std::uint64_t downloads = 0;
  std::uint64_t bytes_uploaded = 0;
  std::uint64_t bytes_downloaded = 0;

  /// size ÷ capacity.
  [[nodiscard]] double fill() const noexcept {
    return capacity == 0 ? 0.0 : static_cast<double>(size) / static_cast<double>(capacity);
  }
};

/// A type of elements, as it is at run time.
struct ElementType {
  const void* id = nullptr;  ///< equal for equal types
  std::string_view name;
  std::size_t bytes = 0;

  friend bool operator==(const ElementType& one, const ElementType& other) noexcept { return one.id == other.id; }
};

class Batch;
class BatchResult;
class MemoryManager;
class Tensor;

namespace detail {

class BufferCore;
struct BufferAccess;

/// Keeps a buffer where it is while work that uses its address is queued. Move-only.
class BufferPin {
 public:
  BufferPin() = default;
  /// Brings the buffer back if it is spilled, for work on `stream`.
  BufferPin(std::shared_ptr<BufferCore> core, StreamId stream);
  BufferPin(BufferPin&& other) noexcept { *this = std::move(other); }
  BufferPin& operator=(BufferPin&& other) noexcept {
    BufferPin taken;
    std::swap(taken.core_, other.core_);
    std::swap(taken.address_, other.address_);
    std::swap(core_, taken.core_);
    std::swap(address_, taken.address_);
    return *this;
  }
  BufferPin(const BufferPin&) = delete;
  BufferPin& operator=(const BufferPin&) = delete;
  ~BufferPin();
  [[nodiscard]] std::uint64_t address() const noexcept { return address_; }

 private:
  std::shared_ptr<BufferCore> core_;
  std::uint64_t address_ = 0;
};

template <class T>
constexpr std::string_view type_name() noexcept {
  constexpr std::string_view function = __PRETTY_FUNCTION__;  // "… [with T = Vec3; …]" or "… [T = Vec3]"
  constexpr std::size_t start = function.find("T = ") + 4;
  // A type may have brackets of its own: what GCC adds after it, or else the last bracket, ends it.
  return function.substr(start, std::min(function.find("; std::string_view", start), function.rfind(']')) - start);
}

template <class T>
inline constexpr char type_tag = 0;

}  // namespace detail

template <class T>
[[nodiscard]] constexpr ElementType element_type() noexcept {
  static_assert(std::is_trivially_copyable_v<T>, "a buffer's elements are copied as bytes");
  return {&detail::type_tag<T>, detail::type_name<T>(), sizeof(T)};
}

/// Device memory as a kernel takes it: valid until the buffer's next change of capacity, end_access(), or the end of
/// the BufferUse that gave it. Only where the device has pointers that the host can read may the host use it directly,
/// and then only once the work queued so far is done (Device::synchronize): a new buffer may be memory that queued work
/// still reads or clears.
template <class T>
class DeviceSpan {
 public:
  DeviceSpan(std::uint64_t address, std::size_t size) noexcept : address_(address), size_(size) {}

  [[nodiscard]] T* data() const noexcept {
    return reinterpret_cast<T*>(address_);  // NOLINT(performance-no-int-to-ptr)
  }
  operator T*() const noexcept { return data(); }  // NOLINT(google-explicit-constructor): as kernels take it
  [[nodiscard]] std::uint64_t address() const noexcept { return address_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return size_ * sizeof(T); }

 private:
  std::uint64_t address_;
  std::size_t size_;
};

/// A checked reference to a buffer of any type. Copyable. Every call on one whose buffer is gone
/// throws StaleHandle with the buffer's name, and its manager's where that has ended too, but valid() and name(); in a
/// child of fork(), Unsupported.
class AnyBuffer {
 public:
  AnyBuffer() = default;

  [[nodiscard]] bool valid() const noexcept;
  /// Empty for one that never had a buffer.
  [[nodiscard]] std::string_view name() const noexcept;
  [[nodiscard]] ElementType type() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t capacity() const;
  [[nodiscard]] std::size_t max_elements() const;
  [[nodiscard]] BufferStatistics statistics() const;

  /// Makes the capacity `count` elements at least: if it is less, for max(⌊capacity × growth⌋, count), at most
  /// max_elements(). Contents and size are kept. True if the capacity changed. Where the device has virtual memory, a
  /// buffer that grows past a page moves into a range of its own, twice as long as it is, and grows in place from then
  /// on; when the range is full it moves into a longer one. What it moves of whole pages is not copied if the work that
  /// uses it is done; all else is copied, in the order of `stream` and of all streams it was used on. Work on a stream
  /// that the buffer is accessed for later comes after the copy, and after the clearing of what is new, where the pool
  /// clears. Throws LimitExceeded, OutOfMemory; then nothing has changed.
  bool ensure_capacity(std::size_t count, StreamId stream = StreamId::legacy_default);
  /// Sets the number of elements in use, and the capacity for them. New ones are undefined.
  void resize(std::size_t count, StreamId stream = StreamId::legacy_default);
  /// Gives back what is not in use, down to a capacity of `count` or size(), if that is more. One that grew in place
  /// stays where it is, and waits for the work that uses it; throws Timeout. Another moves to a smaller block,
  /// where that is worth it and there is memory for both.
  void shrink(std::size_t count = 0, StreamId stream = StreamId::legacy_default);

  /// Where its contents are now.
  [[nodiscard]] Residency residency() const;
  /// Says that no call to come uses an address that access() gave; work that is queued may. From then on the buffer may
  /// be spilled, until it is accessed again: one whose address is out stays where it is.
  /// One statement for all holders of handles: an address that another of them has is not to be used any more either.
  void end_access() const;

  /// Whether [offset, offset + count) elements lie in it, without doing anything.
  [[nodiscard]] bool validate(std::size_t offset, std::size_t count) const noexcept;

  friend bool operator==(const AnyBuffer& one, const AnyBuffer& other) noexcept { return one.core_ == other.core_; }

 protected:
  friend class MemoryManager;
  friend struct detail::BufferAccess;
  explicit AnyBuffer(std::shared_ptr<detail::BufferCore> core) noexcept : core_(std::move(core)) {}
  [[nodiscard]] detail::BufferCore& core() const;
  /// The device address of [offset, offset + count), for work on `stream`.
  [[nodiscard]] std::uint64_t address(std::size_t offset, std::size_t count, StreamId stream) const;
  void require_type(const ElementType& wanted) const;
  void require_window(std::size_t offset, std::size_t count) const;
  void close() noexcept;

  std::shared_ptr<detail::BufferCore> core_;
};

template <class T>
class BufferHandle;
template <class T>
class BufferView;

/// A buffer's elements in use, for work on a stream, while this lives: the buffer is not spilled meanwhile, and may be
/// as soon as this ends, once the work that was queued by then is done. Move-only.
template <class T>
class BufferUse {
 public:
  [[nodiscard]] DeviceSpan<T> span() const noexcept { return {pin_.address(), size_}; }
  [[nodiscard]] T* data() const noexcept { return span().data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  friend class BufferHandle<T>;
  BufferUse(detail::BufferPin pin, std::size_t size) noexcept : pin_(std::move(pin)), size_(size) {}
  detail::BufferPin pin_;
  std::size_t size_;
};

/// A checked reference to a buffer of T. Copyable.
template <class T>
class BufferHandle : public AnyBuffer {
 public:
  using value_type = T;

  BufferHandle() = default;

  /// Its elements in use, for work on `stream`: the buffer is not reused before that work is done. Brings a spilled
  /// buffer back in the order of `stream`, and keeps it on the device until end_access(). Throws as ensure_capacity
  /// then.
  [[nodiscard]] DeviceSpan<T> access(StreamId stream = StreamId::legacy_default) const {
    const std::size_t count = size();
    return {address(0, count, stream), count};
  }
  /// The same for as long as the result lives, after which the buffer may be spilled again.
  [[nodiscard]] BufferUse<T> use(StreamId stream = StreamId::legacy_default) const {
    const std::size_t count = size();
    return {detail::BufferPin(core_, stream), count};
  }
  /// The window [offset, offset + count). Throws InvalidArgument where it does not lie in the elements in use.
  [[nodiscard]] BufferView<T> view(std::size_t offset, std::size_t count) const;

 protected:
  friend class BatchResult;
  friend class BufferView<T>;
  friend class MemoryManager;
  friend class Tensor;
  /// Throws TypeMismatch, naming both types.
  explicit BufferHandle(std::shared_ptr<detail::BufferCore> core) : AnyBuffer(std::move(core)) {
    require_type(element_type<T>());
  }
};

/// A window of a buffer; checked again at every access, as the buffer may have changed.
template <class T>
class BufferView {
 public:
  [[nodiscard]] DeviceSpan<T> access(StreamId stream = StreamId::legacy_default) const {
    return {buffer_.address(offset_, count_, stream), count_};
  }
  [[nodiscard]] const BufferHandle<T>& buffer() const noexcept { return buffer_; }
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  friend class BufferHandle<T>;
  BufferView(BufferHandle<T> buffer, std::size_t offset, std::size_t count) noexcept
      : buffer_(std::move(buffer)), offset_(offset), count_(count) {}

  BufferHandle<T> buffer_;
  std::size_t offset_;
  std::size_t count_;
};

template <class T>
BufferView<T> BufferHandle<T>::view(std::size_t offset, std::size_t count) const {
  require_window(offset, count);
  return {*this, offset, count};
}

/// Owns a buffer: frees it, in the order of the streams it was used on, at the end of its life. Move-only.
/// One that outlives its manager is empty, not dangling.
template <class T>
class Buffer : public BufferHandle<T> {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { std::swap(this->core_, other.core_); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer taken(std::move(other));
    std::swap(this->core_, taken.core_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { this->close(); }

  /// Frees the buffer now, and is empty.
  void reset() noexcept { this->close(); }

 private:
  friend class MemoryManager;
  explicit Buffer(std::shared_ptr<detail::BufferCore> core) : BufferHandle<T>(std::move(core)) {}
};

}  // namespace weir
