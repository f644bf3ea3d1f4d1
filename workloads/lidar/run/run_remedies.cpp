// What a run does about a slow device, before chunk `next` is begun.
#include "compute/timed.hpp"
#include "workloads/lidar/run/one_run.hpp"

namespace weir::lidar {

bool Run::carry_out(const Remedies::Order& order, std::size_t next) {
  switch (order.remedy) {
    case Remedy::smaller_chunks:
      if (!order.undo) return smaller_.take(next);
      smaller_.undo(next);
      return true;
    case Remedy::fewer_streams: return use_streams(!order.undo);
    case Remedy::next_device: return order.undo ? go_back() : go_over();
  }
  return false;
}

void Run::clear() {
  for (const Slot& slot : slots_) handover_->wait_for(slot.index);
  at_->come_to_rest();
  const compute::Timed timed(report_.allocation_seconds);
  for (Slot& slot : slots_) release(slot);
}

bool Run::use_streams(bool one) {
  clear();
  overlap_ = settings_.overlap && !one;
  one ? at_->use_one_stream() : at_->use_own_streams();
  prepare_slots();
  return true;
}

void Run::prepare_slots() {
  for (Slot& slot : slots_) prepare(slot);
}

void Run::move_to(std::unique_ptr<Station>& station) {
  clear();
  report_.driver_calls_after_first_chunk += at_->memory_calls() - calls_after_first_;
  note_high_water();
  std::swap(at_, station);
  reached_.away = &at_->memory != &memory_;
  prepare_slots();
  calls_after_first_ = at_->memory_calls();
}

bool Run::go_over() {
  MemoryManager* const other = settings_.next_device && !reached_.lost_next ? settings_.next_device() : nullptr;
  if (other == nullptr) return false;
  try {
    left_ = std::make_unique<Station>(*other, compute_);
    if (left_->computer->max_queries() < max_queries_) return false;
    move_to(left_);
    remedies_.begin_device(at_->kernels, at_->uploads);
    return true;
  } catch (const Error&) {
    if (left_ && &left_->memory != other) move_to(left_);  // it has no memory for this, or is gone
    return false;
  }
}

bool Run::go_back() {
  move_to(left_);
  remedies_.begin_device(at_->kernels, at_->uploads);
  return true;
}

}  // namespace weir::lidar
