// A few real threads that are handed one step at a time: what they do is done by
// different threads, and yet everything can be checked after every step. A member
// can be replaced, so that threads end and begin in the middle of a program.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace weir::model {

class Crew {
 public:
  explicit Crew(std::size_t members) {
    for (std::size_t i = 0; i < members; ++i) members_.push_back(std::make_unique<Member>());
  }

  [[nodiscard]] std::size_t size() const { return members_.size(); }
  /// Runs the step on that member's thread and waits for its end; throws what it throws.
  void run(std::size_t member, const std::function<void()>& step) { members_[member]->run(step); }
  /// The member's thread ends, and another takes its place.
  void replace(std::size_t member) { members_[member] = std::make_unique<Member>(); }

 private:
  class Member {
   public:
    Member() : thread_([this] { loop(); }) {}
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member() {
      {
        const std::lock_guard lock(mutex_);
        leaving_ = true;
      }
      changed_.notify_all();
      thread_.join();
    }

    void run(const std::function<void()>& step) {
      std::unique_lock lock(mutex_);
      step_ = &step;
      error_ = nullptr;
      changed_.notify_all();
      changed_.wait(lock, [&] { return step_ == nullptr; });
      if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    }

   private:
    void loop() {
      std::unique_lock lock(mutex_);
      for (;;) {
        changed_.wait(lock, [&] { return leaving_ || step_ != nullptr; });
        if (step_ == nullptr) return;
        try {
          (*step_)();
        } catch (...) {
          error_ = std::current_exception();
        }
        step_ = nullptr;
        changed_.notify_all();
      }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    const std::function<void()>* step_ = nullptr;
    std::exception_ptr error_;
    bool leaving_ = false;
    std::thread thread_;
  };

  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace weir::model
