#include "track/tag_names.hpp"

#include "core/reserve_more.hpp"

namespace weir::track {

std::uint32_t TagNames::take(std::string_view name) {
  const std::lock_guard lock(mutex_);
  auto found = names_.find(name);
  if (found == names_.end()) {
    if (spare_.empty()) {
      core::reserve_more(spare_, by_number_.size() + 1 - spare_.size());  // so that every number can be put back
      by_number_.push_back(nullptr);
      spare_.push_back(static_cast<std::uint32_t>(by_number_.size() - 1));
    }
    found = names_.emplace(std::string(name), Entry{spare_.back(), 0}).first;
    by_number_[spare_.back()] = &*found;  // an element stays where it is
    spare_.pop_back();
  }
  ++found->second.uses;
  return found->second.number;
}

void TagNames::drop(std::uint32_t number) noexcept {
  const std::lock_guard lock(mutex_);
  if (number >= by_number_.size() || by_number_[number] == nullptr) return;
  if (--by_number_[number]->second.uses != 0) return;
  names_.erase(names_.find(by_number_[number]->first));
  by_number_[number] = nullptr;
  spare_.push_back(number);
}

std::string TagNames::name(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return number < by_number_.size() && by_number_[number] != nullptr ? by_number_[number]->first : std::string();
}

}  // namespace weir::track
