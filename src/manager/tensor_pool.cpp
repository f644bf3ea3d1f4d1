// The face of a tensor pool.
#include <string>

#include <weir/manager.hpp>
#include <weir/tensor.hpp>

#include "core/process.hpp"
#include "manager/tensor_books.hpp"

namespace weir {

TensorPool::TensorPool(MemoryManager& memory, std::string_view name)
    : books_(core::make_shared_fork_safe<detail::TensorBooks>(memory, std::string(name))) {}

TensorPool::~TensorPool() { books_->end(); }

Tensor TensorPool::acquire(const Shape& shape, DType dtype, StreamId stream, CallSite where) {
  return books_->acquire(shape, dtype, stream, where);
}
void TensorPool::release(const Tensor& tensor) { books_->release(tensor); }
void TensorPool::preallocate(std::span<const TensorDemand> demands, StreamId stream) {
  books_->preallocate(demands, stream);
}
std::uint64_t TensorPool::trim() { return books_->trim(); }
TensorPoolStatistics TensorPool::statistics() const { return books_->statistics(); }
const std::string& TensorPool::name() const noexcept { return books_->name(); }

}  // namespace weir
