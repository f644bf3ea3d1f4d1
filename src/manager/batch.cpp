// A batch runs in three steps: what can fail without touching contents (buffers are
// made, windows checked, memory for reads found), then the copies are queued, then
// one wait. All-or-nothing keeps what updates overwrite until the copies are queued.
#include <weir/batch.hpp>

#include <algorithm>

#include <weir/errors.hpp>

#include "buffer/access.hpp"
#include "core/reserve_more.hpp"
#include "device/access.hpp"
#include "manager/implementation.hpp"

namespace weir {

std::string BatchResult::message() const {
  try {
    require();
  } catch (const Error& error) {
    return error.message();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
  return {};
}

void BatchResult::require_type(const ElementType& wanted) const {
  require();
  if (!core_) throw StaleHandle("this batch result is empty: it belongs to no operation", {.name = "batch"});
  core_->require_type(wanted);
}

class Batch::Run {
 public:
  Run(MemoryManager& memory, std::vector<Operation> operations, StreamId stream, const BatchOptions& options)
      : memory_(memory),
        manager_(memory.checked()),
        stream_(stream),
        options_(options),
        operations_(std::move(operations)),
        results_(operations_.size()) {}

  [[nodiscard]] std::vector<BatchResult> run() {
    if (operations_.empty() || !in_time()) return std::move(results_);
    each([this](std::size_t index) { prepare(index); });
    if (!given_up()) each([this](std::size_t index) { queue(index); });
    if (given_up()) undo();
    wait();
    release_saved();
    return std::move(results_);
  }

 private:
  /// False, with an error in every result and nothing done, for a deadline that has passed already.
  [[nodiscard]] bool in_time() {
    try {
      manager_.transfers().require_time(deadline_, task_);
      return true;
    } catch (const Timeout&) {
      for (BatchResult& result : results_) result.error_ = std::current_exception();
      return false;
    }
  }

  [[nodiscard]] static detail::Task task_of(const std::vector<Operation>& operations) {
    std::uint64_t bytes = 0;
    for (const Operation& each : operations) {
      bytes += each.kind == Kind::read ? each.count * each.type.bytes : each.data.size();
    }
    return {"batch", {}, bytes, "queued"};
  }

  struct Saved {
    std::size_t index;
    BlockHandle block;
    detail::BufferPin pin;  ///< of the buffer, which is on the device until it is undone or done
  };

  [[nodiscard]] bool given_up() const noexcept { return options_.all_or_nothing && failed_; }

  template <class Step>
  void each(Step step) {
    for (std::size_t index = 0; index < operations_.size() && !given_up(); ++index) {
      if (!results_[index].ok()) continue;
      try {
        step(index);
      } catch (...) {
        results_[index].error_ = std::current_exception();
        // Its contents are not what was asked for.
        if (operations_[index].kind == Kind::create && results_[index].core_) results_[index].core_->close();
        failed_ = true;
        first_failed_ = index;
      }
    }
  }

  void prepare(std::size_t index) {
    const Operation& operation = operations_[index];
    BatchResult& result = results_[index];
    if (operation.kind == Kind::run) {
      if (!operation.work) throw InvalidArgument("batch: the work to run is empty", {.name = "batch"});
      return;
    }
    if (operation.kind == Kind::create) {
      result.core_ = memory_.make(operation.name, operation.type, operation.count, operation.options, stream_,
                                  MemoryManager::IfExists::refuse, CallSite{});
      made_.push_back(index);
      return;
    }
    static_cast<void>(manager_.window(operation.buffer, operation.offset, operation.count));
    result.core_ = detail::BufferAccess::shared_core(operation.buffer);
    if (operation.kind == Kind::read) {
      result.memory_ = manager_.transfers().make_pinned(operation.count * operation.type.bytes);
    }
  }

  void queue(std::size_t index) {
    const Operation& operation = operations_[index];
    if (operation.kind == Kind::run) return operation.work(stream_);
    BatchResult& result = results_[index];
    detail::BufferCore& buffer = *result.core_;
    buffer.require_open();
    core::reserve_more(tickets_, 1);
    const std::uint64_t offset = operation.offset * operation.type.bytes;
    if (operation.kind == Kind::read) {
      tickets_.push_back(manager_.transfers().start_read(buffer, offset, result.memory_.bytes(), stream_));
      return;
    }
    if (operation.kind == Kind::update && options_.all_or_nothing) save(index, buffer, offset);
    tickets_.push_back(manager_.transfers().start_upload(buffer, offset, operation.data, stream_, deadline_));
  }

  void save(std::size_t index, detail::BufferCore& buffer, std::uint64_t offset) {
    const std::uint64_t bytes = operations_[index].data.size();
    if (bytes == 0) return;
    core::reserve_more(saved_, 1);
    Pool& pool = manager_.pool();
    detail::BufferPin pin(results_[index].core_, stream_);  // else the block might take the buffer's own memory
    const BlockHandle block = pool.acquire(bytes, stream_);
    try {
      copy({pool.address(block)}, {pin.address() + offset, buffer.on_host()}, bytes);
    } catch (...) {
      pool.release(block, stream_);  // holds nothing to put back
      throw;
    }
    saved_.push_back({index, block, std::move(pin)});
  }

  // The last update is put back first, as windows may overlap.
  void undo() {
    for (auto saved = saved_.rbegin(); saved != saved_.rend(); ++saved) {
      const Operation& operation = operations_[saved->index];
      try {
        detail::BufferCore& buffer = *results_[saved->index].core_;
        const std::uint64_t offset = operation.offset * operation.type.bytes;
        copy({saved->pin.address() + offset, buffer.on_host()}, {manager_.pool().address(saved->block)},
             operation.data.size());
      } catch (const Error&) {
        results_[saved->index].error_ = std::current_exception();  // the device is failing; this one was not undone
      }
    }
    for (const std::size_t index : made_) results_[index].core_->close();
    for (std::size_t index = 0; index < results_.size(); ++index) {
      if (!results_[index].ok()) continue;
      results_[index] = BatchResult();
      results_[index].error_ = std::make_exception_ptr(
          InvalidArgument("operation " + std::to_string(index) + " of the batch was not done, because operation " +
                              std::to_string(first_failed_) + " failed: " + results_[first_failed_].message(),
                          {.name = "batch"}));
    }
  }

  void release_saved() {
    for (const Saved& saved : saved_) manager_.pool().release(saved.block, stream_);
    saved_.clear();
  }

  void wait() {
    try {
      manager_.transfers().await(everything(), deadline_, task_, task_.bytes);
      for (const Transfer& ticket : tickets_) detail::TransferEngine::note_end_of_part(ticket);
      if (!failed_) manager_.transfers().note_end(began_);
    } catch (const Error&) {
      const bool undone = given_up();
      for (BatchResult& result : results_) {
        if (result.ok()) result.error_ = std::current_exception();
      }
      if (!options_.all_or_nothing || undone) return;
      undo();
      try {
        static_cast<void>(everything().wait(deadline_));
      } catch (const Error&) {  // NOLINT(bugprone-empty-catch): what is queued goes on, and every result has an error
      }
    }
  }

  /// All that is queued so far.
  [[nodiscard]] device::Event everything() const {
    return {device::Access::shared_backend(manager_.pool().device()), stream_};
  }

  void copy(detail::TransferEngine::Endpoint to, detail::TransferEngine::Endpoint from, std::uint64_t bytes) {
    manager_.transfers().queue_copy(to, from, bytes, stream_, deadline_, task_);
  }

  MemoryManager& memory_;
  MemoryManager::Implementation& manager_;
  const StreamId stream_;
  const BatchOptions options_;
  std::vector<Transfer> tickets_;
  const detail::TransferEngine::Moment began_ = detail::TransferEngine::now();
  const core::Deadline deadline_{options_.deadline};
  const std::vector<Operation> operations_;
  const detail::Task task_ = task_of(operations_);
  std::vector<BatchResult> results_;
  std::vector<std::size_t> made_;
  std::vector<Saved> saved_;
  bool failed_ = false;
  std::size_t first_failed_ = 0;
};

std::vector<BatchResult> Batch::submit(StreamId stream, const BatchOptions& options) {
  const auto kept = std::exchange(kept_, {});
  return Run(memory_, std::exchange(operations_, {}), stream, options).run();
}

}  // namespace weir
