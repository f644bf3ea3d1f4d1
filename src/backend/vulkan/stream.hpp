// One stream's state. Everything but the two atomics is kept by Streams' lock.
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
  Stream(Streams& streams, StreamId own, TimelinePoint start)
      : owner(streams),
        id(own),
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
  };

  Streams& owner;
  const StreamId id;
  const VkSemaphore timeline;
  std::atomic<std::uint64_t> reached;  ///< a lower bound of the timeline's value

  std::uint64_t submitted;
  std::uint64_t issued;
  VkQueue last_queue = VK_NULL_HANDLE;
  std::vector<Item::Wait> waits;  ///< of the next item
  std::vector<TimelinePoint> foreign_waits;
  std::deque<Item> in_flight;
  std::deque<Item> backlog;  ///< not issued yet, in order; its thread issues them
  std::thread thread;
  bool closing = false;

  std::deque<Landing> landings;  ///< downloads that the host may not look at yet
  bool landing = false;          ///< a thread is at it
  std::atomic<std::size_t> unlanded{0};
  std::exception_ptr failure;  ///< of an item that its thread could not issue
  std::uint64_t failed = 0;    ///< its value
};

using core::longest_wait;

}  // namespace weir::backend::vulkan
