// Contents of buffers that come back from the host after their device was lost: written by the ways of uploads, and
// read back to be compared.
#include <algorithm>
#include <vector>

#include "transfer/engine.hpp"

namespace weir::detail {

void TransferEngine::restore(BufferCore& buffer, std::span<const std::byte> contents, StreamId stream,
                             core::Deadline deadline) {
  if (contents.empty()) return;
  const PinnedBuffer pinned(buffer, stream);
  write(buffer, pinned.address(), contents, stream, deadline,
        {"restoring of", buffer.name(), contents.size(), "queued"});
}

bool TransferEngine::has(BufferCore& buffer, std::span<const std::byte> contents, StreamId stream,
                         core::Deadline deadline) {
  constexpr std::size_t at_once = std::size_t{4} << 20;
  std::vector<std::byte> found(std::min(at_once, contents.size()));
  for (std::size_t done = 0; done < contents.size(); done += found.size()) {
    found.resize(std::min(found.size(), contents.size() - done));
    const PinnedBuffer pinned(buffer, stream);
    read(buffer, pinned.address() + done, found, stream, deadline,
         {"check of", buffer.name(), contents.size(), "compared"});
    if (!std::ranges::equal(found, contents.subspan(done, found.size()))) return false;
  }
  return true;
}

}  // namespace weir::detail
