// The streams that threads have as their own: each thread knows its stream of each
// device, and ends them when it ends, those devices that are still there.
#include <pthread.h>

#include <algorithm>
#include <vector>

#include <weir/errors.hpp>

#include "core/reserve_more.hpp"
#include "device/backend.hpp"

namespace weir::device {

class ThreadStreams {
 public:
  ThreadStreams() = default;
  ThreadStreams(const ThreadStreams&) = delete;
  ThreadStreams& operator=(const ThreadStreams&) = delete;
  ~ThreadStreams() {
    for (const Own& each : all_) {
      const auto backend = each.backend.lock();
      if (backend && backend->in_own_process()) backend->end_thread_stream(each.stream);
    }
  }

  /// The calling thread's.
  [[nodiscard]] static ThreadStreams& of_this_thread();

  [[nodiscard]] StreamId of(Backend& backend) {
    std::erase_if(all_, [](const Own& each) { return each.backend.expired(); });
    const auto known = std::find_if(all_.begin(), all_.end(), [&](const Own& each) { return each.key == &backend; });
    if (known != all_.end() && still_there(backend, known->stream)) return known->stream;
    if (known != all_.end()) all_.erase(known);
    core::reserve_more(all_, 1);
    const StreamId made = backend.create_thread_stream();
    all_.push_back({&backend, backend.weak_from_this(), made});
    return made;
  }

 private:
  struct Own {
    const Backend* key;
    std::weak_ptr<Backend> backend;
    StreamId stream;
  };

  // Someone may have ended it before its thread.
  static bool still_there(Backend& backend, StreamId stream) {
    try {
      static_cast<void>(backend.resolve(stream));
      return true;
    } catch (const InvalidArgument&) {
      return false;
    }
  }

  std::vector<Own> all_;
};

namespace {

struct Farewell {
  ThreadStreams streams;
  bool called = false;
};

// A plain pointer: destructors of other thread_local objects, in which blocks are freed, may still come here.
constinit thread_local Farewell* own = nullptr;

pthread_key_t farewell_key();

// In the second round: in the first, pools take back what the thread kept of its streams' memory.
void say_farewell(void* ending) {
  auto* const mine = static_cast<Farewell*>(ending);
  if (!std::exchange(mine->called, true)) {
    pthread_setspecific(farewell_key(), mine);
    return;
  }
  own = nullptr;
  delete mine;
}

pthread_key_t farewell_key() {
  static const pthread_key_t key = [] {
    pthread_key_t made{};
    pthread_key_create(&made, say_farewell);
    return made;
  }();
  return key;
}

}  // namespace

ThreadStreams& ThreadStreams::of_this_thread() {
  if (own == nullptr) {
    auto made = std::make_unique<Farewell>();
    pthread_setspecific(farewell_key(), made.get());
    own = made.release();
  }
  return own->streams;
}

StreamId Backend::stream_of_thread() { return ThreadStreams::of_this_thread().of(*this); }

}  // namespace weir::device
