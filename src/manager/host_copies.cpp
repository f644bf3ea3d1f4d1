// What buffers have on the host for the case that their device is lost: copies of an earlier state, and functions that
// fill them again.
#include <utility>
#include <vector>

#include "buffer/access.hpp"
#include "manager/implementation.hpp"

namespace weir {

void MemoryManager::Implementation::keep_host_copy(std::span<const AnyBuffer> buffers, StreamId stream,
                                                   const core::Deadline& deadline) {
  std::vector<std::pair<detail::BufferCore*, std::shared_ptr<std::vector<std::byte>>>> state;
  state.reserve(buffers.size());
  for (const AnyBuffer& buffer : buffers) {
    detail::BufferCore& core = own(buffer);
    state.emplace_back(&core, std::make_shared<std::vector<std::byte>>(core.bytes_in_use()));
    transfers_->download(core, 0, *state.back().second, stream, deadline);
  }
  for (auto& [core, contents] : state) core->keep(std::move(contents));
}

// The buffer has the function, so that may not have the buffer.
void MemoryManager::Implementation::on_restore(const AnyBuffer& buffer, RestoreFunction restore) const {
  detail::BufferCore& core = own(buffer);
  if (!restore) return core.on_restore({});
  const std::weak_ptr<detail::BufferCore> known = detail::BufferAccess::shared_core(buffer);
  core.on_restore([known, restore = std::move(restore)](StreamId stream) {
    restore(detail::BufferAccess::handle(known.lock()), stream);
  });
}

}  // namespace weir
