// The manager behind its face: a registry of buffers by name over one pool and one
// transfer engine. Invariant: a name is in the registry from before its buffer is
// made until the buffer closes; while it is being made there is no buffer under it.
// No lock is held while buffers are made or freed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include <weir/manager.hpp>

#include "buffer/buffer_core.hpp"
#include "core/process.hpp"
#include "core/string_map.hpp"
#include "manager/process_tally.hpp"
#include "track/latency.hpp"
#include "transfer/engine.hpp"

namespace weir {

class MemoryManager::Implementation {
 public:
  Implementation(const Device& device, ManagerOptions options);
  ~Implementation();
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  /// False in a child of fork(), where nothing else but options(), pool() and its own name may be asked.
  [[nodiscard]] bool in_own_process() const noexcept { return process_.is_current(); }
  /// Throws Unsupported there.
  void require_own_process() const;

  using Core = std::shared_ptr<detail::BufferCore>;
  [[nodiscard]] Core make(detail::BufferRequest request, IfExists if_exists);
  [[nodiscard]] Core find(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const;
  [[nodiscard]] std::vector<Core> all() const;
  [[nodiscard]] LeakCount check_leaks() const;
  /// What a buffer of this usage lives in.
  [[nodiscard]] Pool& pool_for(Usage usage) const noexcept {
    return is_staging(usage) ? transfers_->pinned_pool() : *pool_;
  }

  /// A window of the buffer, checked, in bytes.
  struct Window {
    detail::BufferCore& buffer;
    std::uint64_t offset;
  };
  [[nodiscard]] Window window(const AnyBuffer& buffer, std::size_t offset, std::size_t count) const;
  /// The core of a buffer of this manager. Throws StaleHandle, InvalidArgument.
  [[nodiscard]] detail::BufferCore& own(const AnyBuffer& buffer) const;

  [[nodiscard]] ManagerStatistics statistics() const;
  [[nodiscard]] ManagerStatistics quick_statistics() const;
  /// Leaves what was allocated to the process's totals; the manager is not among those that are open any more.
  void leave_totals() const { tally_->add_closed(pool_->statistics()); }
  // --- A lost device (recovery.cpp, host_copies.cpp) ---
  /// Calls what it is given while nobody reads the statistics of all managers.
  using Alone = std::function<void(const std::function<void()>&)>;
  [[nodiscard]] RecoveryReport recover(const RecoveryOptions& options, const Alone& alone);
  void keep_host_copy(std::span<const AnyBuffer> buffers, StreamId stream, const core::Deadline& deadline);
  void drop_host_copy(const AnyBuffer& buffer) const { own(buffer).keep({}); }
  void on_restore(const AnyBuffer& buffer, RestoreFunction restore) const;
  [[nodiscard]] const ManagerOptions& options() const noexcept { return options_; }
  [[nodiscard]] Pool& pool() noexcept { return *pool_; }
  [[nodiscard]] const Pool& pool() const noexcept { return *pool_; }
  [[nodiscard]] detail::TransferEngine& transfers() noexcept { return *transfers_; }
  [[nodiscard]] const detail::TransferEngine& transfers() const noexcept { return *transfers_; }

 private:
  class Recovery;
  /// With the limit, which is the device's where the program and its environment set none.
  [[nodiscard]] PoolOptions pool_options(const DeviceInfo& info) const;
  void forget(const detail::BufferCore& buffer);
  /// With the sums of the pool, of transfers, of creations and of recoveries; without what has to be asked of buffers.
  [[nodiscard]] ManagerStatistics statistics_with(const Statistics& pool, const TransferStatistics& transfers) const;
  [[nodiscard]] bool spill(const MemoryPressure& pressure);
  [[nodiscard]] bool spilling_would_do(std::uint64_t bytes, std::uint64_t spillable) const;
  /// Which bytes cannot be spilled for want of an end_access(), for the text of a refusal.
  [[nodiscard]] std::string why_not_spilled() const;
  void report_leaks() const;

  const core::OwnerProcess process_;
  const ManagerOptions options_;
  manager::DeviceTally* tally_;
  const std::unique_ptr<Pool> pool_;
  const std::shared_ptr<detail::ManagerLink> link_;
  std::shared_ptr<detail::TransferEngine> transfers_;

  mutable std::mutex mutex_;
  std::condition_variable made_;  ///< a buffer was made, or could not be
  core::StringMap<Core> buffers_;
  std::uint64_t buffers_created_ = 0;
  std::atomic<std::size_t> staging_buffers_{0};  // of those there are
  std::atomic<bool> lost_some_{false};           // there may be buffers that are lost
  std::uint64_t resizes_ = 0;                    // of closed buffers
  std::uint64_t resizes_in_place_ = 0;
  track::Latency creation_;
  bool restoring_ = false;  ///< a recovery has begun to bring buffers back, and did not end
  std::uint64_t recoveries_ = 0;
  std::uint64_t restored_bytes_ = 0;
  std::uint64_t lost_bytes_ = 0;
  track::Latency recovery_;
  PressureRegistration spilling_;  // ends first
};

/// Totals of these managers.
[[nodiscard]] ProcessStatistics sum_over(const std::vector<const MemoryManager*>& managers);

}  // namespace weir
