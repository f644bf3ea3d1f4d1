// tidy() releases what it does not find, so a result in which it cannot look for tensors is refused; a type without any
// says so.
// refused: use Tidy::keep
#include <weir/tidy.hpp>

struct Layer {
  int width = 3;
#ifdef WEIR_MUST_FAIL
  weir::Tensor weights;
#endif
};
#ifndef WEIR_MUST_FAIL
template <>
inline constexpr bool weir::has_no_tensors<Layer> = true;
#endif

Layer make(weir::TensorPool& pool) {
  return weir::tidy(pool, [&] { return Layer{}; });
}
