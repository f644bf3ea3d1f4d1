// What is known of single blocks beside their records: the names of tags, where blocks were
// allocated if that is asked for, and how far growable ones may grow. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include <weir/call_site.hpp>

#include "track/tag_names.hpp"

namespace weir::pool {

class Notes {
 public:
  explicit Notes(std::shared_ptr<track::TagNames> names) noexcept : names_(std::move(names)) {}

  [[nodiscard]] track::TagNames& tags() const noexcept { return *names_; }
  [[nodiscard]] const std::shared_ptr<track::TagNames>& shared_tags() const noexcept { return names_; }

  void set_call_site(std::uint32_t id, const CallSite& where) {
    const std::lock_guard lock(mutex_);
    call_sites_.insert_or_assign(id, where);
  }
  [[nodiscard]] std::string call_site(std::uint32_t id) const {
    const std::lock_guard lock(mutex_);
    const auto found = call_sites_.find(id);
    return found == call_sites_.end() ? std::string() : found->second.text();
  }
  /// Granules; 0 for a block that cannot grow.
  [[nodiscard]] std::uint32_t max_granules(std::uint32_t id) const {
    const std::lock_guard lock(mutex_);
    const auto found = max_granules_.find(id);
    return found == max_granules_.end() ? 0 : found->second;
  }
  void set_max_granules(std::uint32_t id, std::uint32_t granules) {
    const std::lock_guard lock(mutex_);
    max_granules_.insert_or_assign(id, granules);
  }
  void drop_max_granules(std::uint32_t id) {
    const std::lock_guard lock(mutex_);
    max_granules_.erase(id);
  }

 private:
  const std::shared_ptr<track::TagNames> names_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint32_t, CallSite> call_sites_;
  std::unordered_map<std::uint32_t, std::uint32_t> max_granules_;
};

}  // namespace weir::pool
