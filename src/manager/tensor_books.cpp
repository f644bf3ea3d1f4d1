#include "manager/tensor_books.hpp"

#include <algorithm>
#include <limits>

#include <weir/bytes.hpp>
#include <weir/tidy.hpp>

#include "buffer/access.hpp"
#include "core/names.hpp"

namespace weir::detail {
namespace {

// Leaves room in a buffer's name for the longest shape.
constexpr std::size_t longest_pool_name = 128;

// Numbers tensors of all pools, so that pools of one name do not ask a manager for the same buffer.
std::uint64_t next_serial() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::uint64_t bytes_of(const Shape& shape, DType dtype) {
  const std::size_t each = element_bytes(dtype);
  if (shape.elements() > std::numeric_limits<std::size_t>::max() / each) {
    throw InvalidArgument("tensor " + std::string(weir::name(dtype)) + shape.text() +
                              ": its bytes overflow the size type; ask for fewer elements",
                          {.name = "shape", .bytes_asked = UINT64_MAX});
  }
  return std::uint64_t{shape.elements()} * each;
}

void close_buffer(const AnyBuffer& buffer) noexcept {
  if (const auto& core = BufferAccess::shared_core(buffer)) core->close();
}

/// Buffers that are freed together.
struct Together {
  std::vector<AnyBuffer> buffers;

  Together() = default;
  Together(const Together&) = delete;
  Together& operator=(const Together&) = delete;
  ~Together() {
    for (const AnyBuffer& each : buffers) close_buffer(each);
  }
};

}  // namespace

TensorRecord::TensorRecord(const TensorBooks& books, const Shape& of, DType type)
    : owner(&books),
      shape(of),
      dtype(type),
      bytes(bytes_of(of, type)),
      name(books.name() + " " + std::string(weir::name(type)) + of.text() + " #" + std::to_string(next_serial())) {}

void TensorRecord::require_live() const {
  switch (state.load(std::memory_order_acquire)) {
    case TensorState::in_making:
    case TensorState::live: return;
    case TensorState::released:
      throw StaleHandle("tensor \"" + name + "\" was released before; acquire another one", {.name = name});
    case TensorState::ended:
      throw StaleHandle("tensor \"" + name + "\" is gone with its pool, which has ended; this handle to it is stale",
                        {.name = name});
  }
}

TensorBooks::TensorBooks(MemoryManager& memory, std::string name)
    : memory_(memory),
      name_(std::move(name)),
      manager_(memory.name()),
      log_(memory.pool().options().log),
      pooling_(memory.pool().options().mode != PoolMode::off) {
  core::check_name("tensor pool", name_, longest_pool_name);
}

void TensorBooks::require_own_process() const {
  if (!process_.is_current()) throw core::made_before_fork("tensor pool \"" + name_ + "\"", name_);
}

// --- One tensor ---

Tensor TensorBooks::acquire(const Shape& shape, DType dtype, StreamId stream, CallSite where) {
  require_own_process();
  const auto record = std::make_shared<TensorRecord>(*this, shape, dtype);
  if (Tidy* const scope = Tidy::next_of(*this, Tidy::innermost())) scope->acquired_.push_back(record);
  Kind* kind = nullptr;
  {
    const std::lock_guard lock(mutex_);
    kind = &kinds_[{shape, dtype}];  // stays where it is
    kind->max_known = std::max(kind->max_known, kind->counts.live + 1);
    live_.emplace(record.get(), record);
  }
  try {
    place(*record, stream, where);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    live_.erase(record.get());
    throw;
  }
  const std::lock_guard lock(mutex_);
  const bool reused = kind->left_at.take(BufferAccess::shared_core(record->buffer)->last_address());
  for (TensorCounts* const counts : {&kind->counts, &all_}) {
    ++counts->acquired;
    ++(reused ? counts->reused : counts->created);
    counts->peak = std::max(counts->peak, ++counts->live);
    counts->peak_bytes = std::max(counts->peak_bytes, counts->bytes += record->bytes);
  }
  record->state.store(TensorState::live, std::memory_order_release);
  return Tensor(record);
}

// Its buffer, as a buffer of the manager.
void TensorBooks::place(TensorRecord& record, StreamId stream, CallSite where) const {
  const BufferOptions options{.max_bytes = record.bytes, .downloads = true};
  record.buffer = with_type_of(record.dtype, [&]<class T>(std::type_identity<T>) -> AnyBuffer {
    return memory_.create<T>(record.name, record.shape.elements(), options, stream, where);
  });
}

const TensorBooks::Record& TensorBooks::own(const Tensor& tensor) const {
  const TensorRecord& record = tensor.known();
  if (record.owner != this) {
    throw InvalidArgument(
        "tensor pool \"" + name_ + "\": tensor \"" + record.name + "\" belongs to another pool; pass it to that one",
        {.name = record.name});
  }
  record.require_live();
  return tensor.record_;
}

void TensorBooks::release(const Tensor& tensor) {
  require_own_process();
  const Record record = own(tensor);
  if (!close(record, TensorState::released)) record->require_live();  // another thread was first
}

void TensorBooks::tidy_up(const Record& record) noexcept {
  if (process_.is_current()) close(record, TensorState::released);
}

// Whether it was live.
bool TensorBooks::close(const Record& record, TensorState last) noexcept {
  AnyBuffer buffer;
  {
    const std::lock_guard lock(mutex_);
    if (record->state != TensorState::live) return false;
    Kind& kind = kinds_.find({record->shape, record->dtype})->second;
    for (TensorCounts* const counts : {&kind.counts, &all_}) {
      --counts->live;
      counts->bytes -= record->bytes;
    }
    const BufferCore& core = *BufferAccess::shared_core(record->buffer);
    const bool on_device = core.residency() == Residency::device;
    if (pooling_ && on_device) kind.left_at.leave(core.last_address(), kind.max_known);
    record->state.store(last, std::memory_order_release);
    std::swap(buffer, record->buffer);
    live_.erase(record.get());
  }
  close_buffer(buffer);
  return true;
}

void TensorBooks::end() noexcept {
  if (!process_.is_current()) return;
  for (;;) {
    Record record;
    {
      const std::lock_guard lock(mutex_);
      if (live_.empty()) return;
      record = live_.begin()->second;
    }
    if (log_ != nullptr && record->buffer.valid()) {
      log_->write({.level = LogLevel::error,
                   .event = LogEvent::leak,
                   .pool = manager_,
                   .text = "tensor \"" + record->name + "\" was not released before its pool",
                   .bytes = record->bytes});
    }
    close(record, TensorState::ended);
  }
}

// --- Memory for many ---

void TensorBooks::preallocate(std::span<const TensorDemand> demands, StreamId stream) {
  require_own_process();
  Together ready;
  std::vector<std::uint64_t> addresses;
  for (const TensorDemand& demand : demands) {
    for (std::size_t i = 0; i < demand.count; ++i) {
      TensorRecord record(*this, demand.shape, demand.dtype);
      ready.buffers.emplace_back();
      addresses.emplace_back();
      place(record, stream, CallSite());
      ready.buffers.back() = record.buffer;
      addresses.back() =
          BufferAccess::core(record.buffer).give_address(stream);  // so that it is not spilled for others
    }
  }
  const std::lock_guard lock(mutex_);
  for (const TensorDemand& demand : demands) {
    Kind& kind = kinds_[{demand.shape, demand.dtype}];
    kind.max_known = std::max<std::uint64_t>(kind.max_known, kind.counts.live + kind.left_at.size() + demand.count);
  }
  auto address = addresses.begin();
  for (const TensorDemand& demand : demands) {
    Kind& kind = kinds_[{demand.shape, demand.dtype}];
    kind.counts.prepared += demand.count;
    all_.prepared += demand.count;
    for (std::size_t i = 0; i < demand.count; ++i, ++address) {
      if (pooling_) kind.left_at.leave(*address, kind.max_known);
    }
  }
}

std::uint64_t TensorBooks::trim() {
  require_own_process();
  {
    const std::lock_guard lock(mutex_);
    for (auto& [key, kind] : kinds_) kind.left_at.clear();
  }
  return memory_.trim();
}

TensorPoolStatistics TensorBooks::statistics() const {
  require_own_process();
  const std::lock_guard lock(mutex_);
  TensorPoolStatistics known{all_, {}};
  known.by_shape.reserve(kinds_.size());
  for (const auto& [key, kind] : kinds_) known.by_shape.emplace_back(kind.counts, key.first, key.second);
  return known;
}

}  // namespace weir::detail
