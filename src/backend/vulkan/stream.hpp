// One stream's state. Everything but the atomics is kept by Streams' lock, where nothing else is said.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <thread>

#include "backend/vulkan/streams.hpp"
#include "core/deadline.hpp"

namespace weir::backend::vulkan {

struct Streams::Item {
  struct Wait {
    Shared on;
    std::uint64_t value = 0;
  };
  std::uint64_t value = 0;
  Work work;
  std::vector<Wait> waits;  // kept until the item is done, and with them the semaphores
  std::vector<TimelinePoint> foreign_waits;
};

struct Streams::Stream {
  /// Takes a timeline that is free, and goes on from its value.
  Stream(Streams& streams, StreamId own, TimelinePoint start, std::uint32_t which_turn)
      : owner(streams),
        id(own),
        at_queues(which_turn),
        timeline(start.semaphore),
        reached(start.value),
        submitted(start.value),
        issued(start.value) {}
  ~Stream() { owner.keep_timeline({timeline, submitted}); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // --- For the table ---
  void close() noexcept { owner.close(*this); }
  [[nodiscard]] bool over() noexcept { return owner.over(*this); }
  void finish() noexcept { owner.finish(*this); }

  struct Landing {
    std::uint64_t value = 0;
    HostRange range;
    Item::Wait after = {};  ///< or what another stream downloaded, up to there
  };

  Streams& owner;
  const StreamId id;
  const std::uint32_t at_queues;  ///< which of the queues of a kind is its own
  const VkSemaphore timeline;
  std::atomic<std::uint64_t> reached;  ///< a lower bound of the timeline's value

  /// Held by those who queue to it, also while they submit.
  std::mutex turn;
  std::uint64_t submitted;
  std::uint64_t issued;
  // Of the one who issues, of whom there is one at a time.
  const Queue* last_queue = nullptr;
  Commands::Does last_did = Commands::Does::transfers;  ///< what its last commands did, on that queue
  // Of the next item; they change under `turn` as well.
  std::vector<Item::Wait> waits;
  std::vector<TimelinePoint> foreign_waits;
  std::deque<Item> in_flight;
  std::deque<Item> backlog;  ///< not issued yet, in order; its thread issues them
  std::thread thread;
  bool closing = false;

  std::deque<Landing> landings;  ///< downloads that the host may not look at yet
  std::atomic<std::size_t> unlanded{0};
  std::exception_ptr failure;  ///< of an item that its thread could not issue
  std::uint64_t failed = 0;    ///< its value
};

using core::longest_wait;

}  // namespace weir::backend::vulkan
