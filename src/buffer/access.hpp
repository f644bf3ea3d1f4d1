// The way for weir's own rooms from a buffer's face to what stands behind it: no public function gives that away.
#pragma once

#include <memory>
#include <utility>

#include <weir/buffer.hpp>

#include "buffer/buffer_core.hpp"

namespace weir::detail {

struct BufferAccess {
  /// Throws StaleHandle where there is none any more.
  [[nodiscard]] static BufferCore& core(const AnyBuffer& buffer) { return buffer.core(); }
  [[nodiscard]] static AnyBuffer handle(std::shared_ptr<BufferCore> core) noexcept {
    return AnyBuffer(std::move(core));
  }
  /// Null for one that never had a buffer.
  [[nodiscard]] static const std::shared_ptr<BufferCore>& shared_core(const AnyBuffer& buffer) noexcept {
    return buffer.core_;
  }
};

}  // namespace weir::detail
