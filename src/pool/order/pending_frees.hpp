// Freed blocks that streams other than their own used: each waits for its fence. Also
// who uses which live block, until it is freed. Thread-safe; no lock is held across a
// driver call: a fence is looked at in a copy.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include <weir/stream.hpp>

#include "device/fence.hpp"
#include "pool/stream_index.hpp"

namespace weir::pool {

struct PendingFree {
  std::uint32_t id = 0;
  StreamIndex stream_index = clean_index;  ///< whose order it follows when its fence is done
  std::uint32_t granules = 0;
  device::Fence fence;
};

class PendingFrees {
 public:
  /// A stream that uses a live block.
  struct Use {
    StreamId stream;
    device::SharedEvent until;  ///< its end, where that was recorded already
  };
  /// Work on `stream` uses a live block.
  void note_use(std::uint32_t id, StreamId stream);
  /// The end of the use of the stream that was noted last; nothing where none was.
  void note_end(std::uint32_t id, StreamId stream, device::SharedEvent until) noexcept;
  [[nodiscard]] std::vector<StreamId> users(std::uint32_t id) const;
  /// The same, and forgets them: the block is freed.
  [[nodiscard]] std::vector<Use> take_users(std::uint32_t id);

  void add(PendingFree free);
  [[nodiscard]] std::uint64_t granules() const noexcept { return granules_.load(); }
  [[nodiscard]] bool empty() const noexcept { return granules() == 0; }

  /// Asks the fences, the oldest first, until so many are not done; what is done goes to `take`, on this thread,
  /// with no lock held. True if any was.
  template <class Take>
  bool reclaim(std::size_t max_unfinished, Take take) {
    bool any = false;
    std::uint64_t last = 0;
    for (std::size_t unfinished = 0; unfinished < max_unfinished;) {
      std::optional<Entry> next = after(last);
      if (!next) break;
      last = next->number;
      if (!next->free.fence.done()) {
        put_back(std::move(*next));
        ++unfinished;
      } else if (drop(next->number)) {
        take(next->free);
        any = true;
      }
    }
    return any;
  }
  /// Waits for all fences, and for the work of the streams that use live blocks; false if some did not end in time. For
  /// the end of a pool.
  [[nodiscard]] bool comes_to_rest(const std::shared_ptr<device::Backend>& backend,
                                   const core::Deadline& deadline) noexcept;
  /// Adds the events that the blocks wait for.
  void collect(std::vector<device::SharedEvent>& unfinished) const;

 private:
  struct Entry {
    std::uint64_t number = 0;  ///< rising in the order of frees
    PendingFree free;
  };
  [[nodiscard]] std::optional<Entry> after(std::uint64_t number) const;
  /// A fence that was looked at: what is done of it is not asked again.
  void put_back(Entry entry);
  /// False if another thread was quicker.
  [[nodiscard]] bool drop(std::uint64_t number);

  mutable std::mutex mutex_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, PendingFree> entries_;  // by number
  std::unordered_map<std::uint32_t, std::vector<Use>> users_;
  std::atomic<std::uint64_t> granules_{0};
};

}  // namespace weir::pool
