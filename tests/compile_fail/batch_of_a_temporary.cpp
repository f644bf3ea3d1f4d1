// A batch reads its data when it is submitted: a temporary would be gone by then.
// refused: use of deleted function
#include <array>
#include <vector>

#include <weir/batch.hpp>

void collect(weir::Batch& batch, const weir::BufferHandle<float>& buffer) {
  static const std::array<float, 2> kept{1, 2};
  batch.update(buffer, kept)
      .update(buffer, std::vector<float>{1, 2})
      .create<float>("values", {1, 2})
      .create<float>("none", 5);
#ifdef WEIR_MUST_FAIL
  batch.update(buffer, std::array<float, 2>{1, 2});
#endif
}
