// What a tensor is made of: types, shapes, and the reference that finds its buffer.
#include <weir/tensor.hpp>

#include <limits>
#include <utility>

#include <weir/errors.hpp>

#include "buffer/access.hpp"
#include "manager/tensor_books.hpp"

namespace weir {

std::string_view name(DType dtype) noexcept {
  switch (dtype) {
    case DType::float16: return "float16";
    case DType::bfloat16: return "bfloat16";
    case DType::float32: return "float32";
    case DType::float64: return "float64";
    case DType::int8: return "int8";
    case DType::uint8: return "uint8";
    case DType::int16: return "int16";
    case DType::int32: return "int32";
    case DType::int64: return "int64";
    case DType::uint32: return "uint32";
    case DType::boolean: return "bool";
  }
  return "unknown";
}

std::size_t element_bytes(DType dtype) {
  return detail::with_type_of(dtype, []<class T>(std::type_identity<T>) { return sizeof(T); });
}

// --- Shapes ---

namespace {

std::string text_of(std::span<const std::size_t> extents) {
  std::string text = "[";
  for (const std::size_t extent : extents) text += (text.size() == 1 ? "" : ", ") + std::to_string(extent);
  return text + "]";
}

}  // namespace

Shape::Shape(std::initializer_list<std::size_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const std::size_t> extents) : rank_(extents.size()), elements_(1) {
  if (rank_ == 0 || rank_ > max_rank) {
    throw InvalidArgument("shape: it has " + std::to_string(rank_) + " extents; a tensor has 1 to 8",
                          {.name = "shape", .limit = max_rank});
  }
  for (std::size_t i = 0; i < rank_; ++i) {
    const std::size_t extent = extents[i];
    if (extent == 0) {
      throw InvalidArgument("shape " + text_of(extents) + ": extent " + std::to_string(i) + " is 0; each is 1 at least",
                            {.name = "shape"});
    }
    if (extent > std::numeric_limits<std::size_t>::max() / elements_) {
      throw InvalidArgument("shape " + text_of(extents) + ": its elements overflow the size type; ask for fewer",
                            {.name = "shape", .bytes_asked = UINT64_MAX});
    }
    elements_ *= extent;
    extents_[i] = extent;
  }
}

std::string Shape::text() const { return text_of(extents()); }

// --- References ---

bool Tensor::valid() const noexcept {
  return record_ && record_->state == detail::TensorState::live && record_->buffer.valid();
}

std::string_view Tensor::name() const noexcept {
  return record_ ? std::string_view(record_->name) : std::string_view();
}

const detail::TensorRecord& Tensor::known() const {
  if (!record_) throw StaleHandle("this tensor is empty: it never was acquired", {.name = "tensor"});
  return *record_;
}

const Shape& Tensor::shape() const { return known().shape; }
DType Tensor::dtype() const { return known().dtype; }
std::uint64_t Tensor::bytes() const { return known().bytes; }

std::shared_ptr<detail::BufferCore> Tensor::core(DType wanted) const {
  const detail::TensorRecord& record = known();
  record.require_live();
  if (record.dtype != wanted) {
    throw TypeMismatch("tensor \"" + record.name + "\" holds " + std::string(weir::name(record.dtype)) + ", not " +
                           std::string(weir::name(wanted)),
                       {.name = record.name});
  }
  return detail::BufferAccess::shared_core(record.buffer);
}

}  // namespace weir
