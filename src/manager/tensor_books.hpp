// The books of a tensor pool: which tensors are live, what each shape counts, and where
// released ones lay. Invariant: a record is in `live_` from before its buffer is made until
// it is released; a shape's counts change under the lock, and no lock is held while buffers
// are made or freed. Tensors and scopes hold the books, so they may outlive the pool.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <weir/errors.hpp>
#include <weir/log.hpp>
#include <weir/manager.hpp>
#include <weir/tensor.hpp>

#include "core/process.hpp"
#include "manager/places_left.hpp"

namespace weir::detail {

/// Calls `f` with std::type_identity<T> of the C++ type that `dtype` stands for. Throws InvalidArgument where there is
/// none.
template <class F>
decltype(auto) with_type_of(DType dtype, F f) {
  switch (dtype) {
    case DType::float16: return f(std::type_identity<Float16>());
    case DType::bfloat16: return f(std::type_identity<Bfloat16>());
    case DType::float32: return f(std::type_identity<float>());
    case DType::float64: return f(std::type_identity<double>());
    case DType::int8: return f(std::type_identity<std::int8_t>());
    case DType::uint8: return f(std::type_identity<std::uint8_t>());
    case DType::int16: return f(std::type_identity<std::int16_t>());
    case DType::int32: return f(std::type_identity<std::int32_t>());
    case DType::int64: return f(std::type_identity<std::int64_t>());
    case DType::uint32: return f(std::type_identity<std::uint32_t>());
    case DType::boolean: return f(std::type_identity<bool>());
  }
  throw InvalidArgument("DType " + std::to_string(static_cast<unsigned>(dtype)) + " does not exist; types are 0 to 10",
                        {.name = "dtype", .limit = static_cast<std::uint64_t>(DType::boolean)});
}

enum class TensorState : std::uint8_t {
  in_making,
  live,
  released,
  ended,  ///< by its pool
};

struct TensorRecord {
  TensorRecord(const TensorBooks& books, const Shape& of, DType type);
  /// Throws StaleHandle, which says how it ended.
  void require_live() const;

  const TensorBooks* const owner;  ///< for comparison; it may be gone
  const Shape shape;
  const DType dtype;
  const std::uint64_t bytes;
  const std::string name;
  AnyBuffer buffer;  ///< empty once it was released
  std::atomic<TensorState> state{TensorState::in_making};
};

class TensorBooks {
 public:
  using Record = std::shared_ptr<TensorRecord>;

  TensorBooks(MemoryManager& memory, std::string name);
  TensorBooks(const TensorBooks&) = delete;
  TensorBooks& operator=(const TensorBooks&) = delete;

  [[nodiscard]] Tensor acquire(const Shape& shape, DType dtype, StreamId stream, CallSite where);
  void release(const Tensor& tensor);
  /// The same for a scope's end: what was released before is left as it is.
  void tidy_up(const Record& record) noexcept;
  void preallocate(std::span<const TensorDemand> demands, StreamId stream);
  [[nodiscard]] std::uint64_t trim();
  [[nodiscard]] TensorPoolStatistics statistics() const;
  /// Frees all that is live, and reports it to the log. Not in a child of fork().
  void end() noexcept;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// The tensor's record. Throws InvalidArgument for another pool's, StaleHandle for one that is not live.
  [[nodiscard]] const Record& own(const Tensor& tensor) const;

 private:
  struct Kind {
    TensorCounts counts;
    std::uint64_t max_known = 0;  ///< the most that were there at a time, prepared ones included
    PlacesLeft left_at;           ///< no more than max_known: of one kind no more memory can lie free
  };
  using Key = std::pair<Shape, DType>;

  void require_own_process() const;
  void place(TensorRecord& record, StreamId stream, CallSite where) const;
  bool close(const Record& record, TensorState last) noexcept;

  const core::OwnerProcess process_;
  MemoryManager& memory_;  ///< may end before the books do; then nothing is live
  const std::string name_;
  const std::string manager_;
  LogSink* const log_;
  const bool pooling_;

  mutable std::mutex mutex_;
  std::map<Key, Kind> kinds_;
  TensorCounts all_;
  std::unordered_map<const TensorRecord*, Record> live_;
};

}  // namespace weir::detail
