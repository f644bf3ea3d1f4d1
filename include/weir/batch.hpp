// Several operations in one submission: buffers made, updated and read, work of the
// caller's between them, with one wait for all. Results come in the order of the operations, each a value or an
// error; or all of it happens, or nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <weir/buffer.hpp>
#include <weir/manager.hpp>

namespace weir {

struct BatchOptions {
  /// If one operation fails, none is done: buffers made are freed, updated contents are put back.
  bool all_or_nothing = false;
  std::chrono::nanoseconds deadline = default_deadline;
};

/// What became of one operation.
class BatchResult {
 public:
  [[nodiscard]] bool ok() const noexcept { return error_ == nullptr; }
  /// Throws the operation's error, if it failed.
  void require() const {
    if (error_) std::rethrow_exception(error_);
  }
  /// Its text; empty if it succeeded.
  [[nodiscard]] std::string message() const;
  /// The buffer that was made, updated or read. Throws the operation's error, and TypeMismatch.
  template <class T>
  [[nodiscard]] BufferHandle<T> buffer() const {
    require();
    return BufferHandle<T>(core_);
  }
  /// What was read; lives as long as this result, also when the buffer or its manager is gone. Empty for an operation
  /// that reads nothing. Throws the operation's error, and TypeMismatch.
  template <class T>
  [[nodiscard]] std::span<const T> data() const {
    require_type(element_type<T>());
    return {reinterpret_cast<const T*>(memory_.bytes().data()), memory_.bytes().size() / sizeof(T)};
  }

 private:
  friend class Batch;
  /// Asks nothing of the buffer but the type it was made with.
  void require_type(const ElementType& wanted) const;

  std::exception_ptr error_;
  std::shared_ptr<detail::BufferCore> core_;
  PinnedBytes memory_;
};

/// Collects operations. Data given as a span is read by submit() and stays the caller's until that returns; a vector
/// that is moved in is kept here. So a batch copies what its operations would copy one by one, and no more. Other
/// temporaries would be gone by then and do not compile; a span of one is the caller's to avoid. Not thread-safe.
class Batch {
  template <class R>
  static constexpr bool ends_too_early =
      std::ranges::range<R> && !std::is_lvalue_reference_v<R> && !std::ranges::borrowed_range<std::remove_cvref_t<R>>;

 public:
  explicit Batch(MemoryManager& memory) noexcept : memory_(memory) {}

  template <class T>
  Batch& create(std::string_view name, std::size_t count, const BufferOptions& options = {}) {
    return add({.kind = Kind::create,
                .name = std::string(name),
                .type = element_type<T>(),
                .count = count,
                .options = options});
  }
  template <class T>
  Batch& create(std::string_view name, std::type_identity_t<std::span<const T>> data,
                const BufferOptions& options = {}) {
    return add({.kind = Kind::create,
                .name = std::string(name),
                .type = element_type<T>(),
                .count = data.size(),
                .options = options,
                .data = std::as_bytes(data)});
  }
  template <class T>
  Batch& create(std::string_view name, std::vector<T>&& data, const BufferOptions& options = {}) {
    return create<T>(name, keep(std::move(data)), options);
  }
  template <class T>
  Batch& create(std::string_view name, std::initializer_list<T> data, const BufferOptions& options = {}) {
    return create<T>(name, std::vector<T>(data), options);
  }
  template <class T, class R>
  requires ends_too_early<R&&> Batch& create(std::string_view name, R&& data,
                                             const BufferOptions& options = {}) = delete;
  template <class T>
  Batch& update(const BufferHandle<T>& buffer, std::type_identity_t<std::span<const T>> data, std::size_t offset = 0) {
    return add({.kind = Kind::update,
                .type = element_type<T>(),
                .count = data.size(),
                .buffer = buffer,
                .offset = offset,
                .data = std::as_bytes(data)});
  }
  template <class T>
  Batch& update(const BufferHandle<T>& buffer, std::vector<T>&& data, std::size_t offset = 0) {
    return update(buffer, keep(std::move(data)), offset);
  }
  template <class T, class R>
  requires ends_too_early<R&&> Batch& update(const BufferHandle<T>& buffer, R&& data, std::size_t offset = 0) = delete;
  template <class T>
  Batch& read(const BufferHandle<T>& buffer, std::size_t offset, std::size_t count) {
    return add({.kind = Kind::read, .type = element_type<T>(), .count = count, .buffer = buffer, .offset = offset});
  }

  /// Work of the caller's own, such as kernels over what was updated before and is read after it: submit() calls `work`
  /// in its turn, with its stream, on which it queues what it does. It runs once; not if the batch was given up before.
  /// What it throws is the operation's error. All or nothing does not undo it.
  Batch& run(std::function<void(StreamId stream)> work) { return add({.kind = Kind::run, .work = std::move(work)}); }

  [[nodiscard]] std::size_t size() const noexcept { return operations_.size(); }
  /// Does all of it, in the order of `stream`, and waits. The batch is empty then. Operations fail each by itself, or
  /// together; after a wait past its deadline, what was queued goes on, and the results carry a Timeout: all or nothing
  /// is undone then too, in the order of the stream. A deadline of zero or less has passed already: nothing is started,
  /// and every result carries a Timeout whose facts say that 0 bytes are done. Pinned memory that spans lay in is read
  /// until what was queued has ended.
  [[nodiscard]] std::vector<BatchResult> submit(StreamId stream = StreamId::legacy_default,
                                                const BatchOptions& options = {});

 private:
  enum class Kind : std::uint8_t { create, update, read, run };
  struct Operation {
    Kind kind = Kind::create;
    std::string name = {};
    ElementType type = {};
    std::size_t count = 0;
    BufferOptions options = {};
    AnyBuffer buffer = {};
    std::size_t offset = 0;
    std::span<const std::byte> data = {};
    std::function<void(StreamId)> work = {};
  };
  class Run;

  template <class T>
  [[nodiscard]] std::span<const T> keep(std::vector<T>&& data) {
    auto kept = std::make_shared<const std::vector<T>>(std::move(data));
    const std::span<const T> view(*kept);
    kept_.push_back(std::move(kept));
    return view;
  }
  Batch& add(Operation operation) {
    operations_.push_back(std::move(operation));
    return *this;
  }

  MemoryManager& memory_;
  std::vector<Operation> operations_;
  std::vector<std::shared_ptr<const void>> kept_;  // what was moved in, until it is submitted
};

}  // namespace weir
