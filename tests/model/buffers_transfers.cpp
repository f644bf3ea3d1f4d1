// What moves contents: transfers of every kind, kernels, and batches.
#include <algorithm>
#include <cstring>

#include "model/buffers_program.hpp"

namespace weir::model {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t max_started = 12;
constexpr std::size_t max_looked_at = 4000;  // elements, by one kernel

// Of a batch that was late: one whose deadline had passed at its start has done nothing.
bool was_started(const BatchResult& result) {
  try {
    result.require();
  } catch (const Error& error) {
    return error.facts().bytes_done.value_or(0) != 0;
  }
  return true;
}

}  // namespace

void BuffersProgram::waited(const Live& live, bool done) {
  if (done && gated(live)) wrong("it is done, though its stream is held back");
  if (!done && code_ == ErrorCode::timeout && !held()) wrong("it timed out, and nothing was held back");
}

void BuffersProgram::upload() {
  last_ = "upload to";
  Live* const live = any_live();
  if (live == nullptr || !live->writable()) return;
  const Window window = any_window(*live);
  const std::size_t offset = window.offset;
  const std::size_t count = window.count;
  const std::vector<Element> data = any_data(count);
  const std::size_t stream_index = live->stream_index;
  Pinned<Element> pinned;
  if (roll(3) == 0 && count != 0) {
    static_cast<void>(attempt({ErrorCode::limit_exceeded}, [&] { pinned = memory_->pinned<Element>(count); }));
    if (pinned.size() != 0) std::copy(data.begin(), data.end(), pinned.begin());
  }
  const std::span<const Element> from = pinned.size() != 0 ? std::span<const Element>(pinned.begin(), count) : data;
  const bool done = attempt({ErrorCode::limit_exceeded, ErrorCode::timeout}, [&] {
    memory_->upload(live->handle, from, streams_[stream_index].id(),
                    {.offset = offset, .deadline = patience(stream_index)});
  });
  if (count != 0) waited(*live, done);
  if (done) {
    live->oracle.contents.write(offset, data);
  } else if (code_ != ErrorCode::limit_exceeded && patience(stream_index) != 0s) {
    live->oracle.contents.forget(offset, count);
  }
}

void BuffersProgram::start_upload() {
  last_ = "start an upload to";
  Live* const live = any_live();
  if (live == nullptr || !live->writable()) return;
  const Window window = any_window(*live);
  const std::size_t offset = window.offset;
  const std::size_t count = window.count;
  std::vector<Element> data = any_data(count);
  Started started{.ticket = {}, .gate = streams_[live->stream_index].gate, .memory = {}};
  if (roll(2) == 0 && count != 0) {
    static_cast<void>(attempt({ErrorCode::limit_exceeded}, [&] { started.memory = memory_->pinned<Element>(count); }));
    if (started.memory.size() != 0) std::copy(data.begin(), data.end(), started.memory.begin());
  }
  const bool pinned = started.memory.size() != 0;
  const std::span<const Element> from = pinned ? std::span<const Element>(started.memory.begin(), count) : data;
  const bool done = attempt({ErrorCode::limit_exceeded}, [&] {
    started.ticket = memory_->start_upload(live->handle, from, stream_of(*live), {.offset = offset});
  });
  if (done) {
    live->oracle.contents.write(offset, data);
  } else if (code_ != ErrorCode::limit_exceeded) {
    live->oracle.contents.forget(offset, count);
  }
  std::fill(data.begin(), data.end(), Element{});  // what is not pinned may be changed at once
  if (!done || roll(3) == 0) return;               // dropped in mid-copy, pinned memory too
  if (started_.size() == max_started) started_.erase(started_.begin());
  if (count != 0) started_.push_back(std::move(started));
}

void BuffersProgram::look_at_ticket() {
  last_ = "wait for an upload";
  if (started_.empty()) return;
  const std::size_t at = roll(started_.size());
  Started& each = started_[at];
  bool done = false;
  if (!attempt({}, [&] { done = each.ticket.done(); })) return;
  if (done && !each.gate.expired()) wrong("it is done, though its stream is held back");
  const bool waited = attempt({ErrorCode::timeout}, [&] { each.ticket.wait(held() ? 0s : default_deadline); });
  if (!waited && code_ == ErrorCode::timeout && (done || !held())) wrong("it timed out, and nothing was held back");
  if (waited) started_.erase(started_.begin() + static_cast<std::ptrdiff_t>(at));
}

void BuffersProgram::download() {
  last_ = "download";
  Live* const live = any_live();
  if (live == nullptr) return;
  const Window window = any_window(*live);
  const std::size_t offset = window.offset;
  const std::size_t count = window.count;
  std::vector<Element> data(count);
  Pinned<Element> pinned;
  if (roll(3) == 0 && count != 0) {
    static_cast<void>(attempt({ErrorCode::limit_exceeded}, [&] { pinned = memory_->pinned<Element>(count); }));
  }
  const std::span<Element> to = pinned.size() != 0 ? std::span<Element>(pinned.begin(), count) : data;
  const bool done = attempt({ErrorCode::limit_exceeded, ErrorCode::timeout}, [&] {
    memory_->download(live->handle, to, stream_of(*live), {.offset = offset, .deadline = patience(live->stream_index)});
  });
  if (count != 0) waited(*live, done);
  if (!done || !contents()) return;
  if (const std::string other = live->oracle.contents.window(offset, count).difference(to); !other.empty())
    wrong(other);
}

void BuffersProgram::start_download() {
  last_ = "start a download of";
  Live* const live = any_live();
  if (live == nullptr) return;
  const std::size_t slots = live->options.download_slots;
  const bool full = live->frames.size() == slots;
  // While a gate is closed it would wait until its deadline.
  const bool wait = !held() && roll(2) == 0;
  const bool snapshot = roll(3) != 0;
  const bool refused = !live->options.downloads || (full && !wait);
  const bool done = attempt({ErrorCode::limit_exceeded, ErrorCode::out_of_memory, ErrorCode::invalid_argument}, [&] {
    memory_->start_download(live->handle, stream_of(*live),
                            {.snapshot = snapshot, .when_full = wait ? WhenFull::wait : WhenFull::refuse});
  });
  if (done && refused) wrong("it was not refused");
  if (!done && code_ == ErrorCode::invalid_argument && !refused) wrong("it was refused");
  if (!done) return check_read(*live);
  if (full) live->frames.pop_front();
  live->frames.push_back({.number = live->started++,
                          .contents = live->oracle.contents,
                          .gate = streams_[live->stream_index].gate,
                          .direct = !snapshot && live->oracle.size() != 0});
  std::erase_if(live->read, [&](const Frame& frame) { return frame.number + slots < live->started; });
  check_read(*live);
}

// Frames that were waited for stay as they are until their slots are used again.
void BuffersProgram::check_read(const Live& live) {
  if (!contents()) return;
  for (const Frame& frame : live.read) {
    if (const std::string other = frame.contents.difference(frame.found); !other.empty()) {
      wrong("frame " + std::to_string(frame.number) + " changed: " + other);
    }
  }
}

void BuffersProgram::wait_for_frame() {
  last_ = "wait for a download of";
  Live* const live = any_live();
  if (live == nullptr) return;
  std::span<const Element> found;
  const bool none = live->frames.empty();
  const bool done = attempt({ErrorCode::timeout, ErrorCode::invalid_argument}, [&] {
    found = memory_->wait_for_download(live->handle, held() ? std::chrono::nanoseconds(1ms) : default_deadline);
  });
  if (done && none) return wrong("there was nothing to wait for");
  if (!done && !none && code_ == ErrorCode::invalid_argument) wrong("it was not started");
  if (!done && code_ == ErrorCode::timeout && !held()) wrong("it timed out, and nothing was held back");
  if (!done) return;
  Frame frame = std::move(live->frames.front());
  live->frames.pop_front();
  if (!frame.gate.expired() && frame.contents.size() != 0) wrong("it is done, though its stream is held back");
  if (found.size() != frame.contents.size()) wrong("the frame has another size");
  frame.found = found;
  live->read.push_back(std::move(frame));
  check_read(*live);
}

// Work of the program's own: it reads what is there, or writes, in the order of the stream.
void BuffersProgram::kernel() {
  last_ = "a kernel on";
  Live* const live = any_live();
  if (live == nullptr || !contents()) return;
  const Window window = any_window(*live);
  const std::size_t offset = window.offset;
  const std::size_t count = std::min(window.count, max_looked_at);
  DeviceSpan<Element> span(0, 0);
  if (!attempt({}, [&] { span = live->handle.view(offset, count).access(stream_of(*live)); })) return;
  if (count == 0) return;
  if (live->writable() && roll(2) == 0) {
    std::vector<Element> data = any_data(count);
    live->oracle.contents.write(offset, data);
    quiet_.run(stream_of(*live), [span, data = std::move(data)] { std::copy(data.begin(), data.end(), span.data()); });
  } else {
    quiet_.run(stream_of(*live), [this, span, expected = live->oracle.contents.window(offset, count)] {
      if (!expected.difference({span.data(), span.size()}).empty()) ++kernels_wrong_;
    });
  }
}

void BuffersProgram::batch() {
  last_ = "a batch";
  const std::size_t stream_index = roll(streams_.size());
  const bool all_or_nothing = roll(2) == 0;
  enum class Kind : std::uint8_t { create, update, read };
  struct Operation {
    Kind kind = Kind::read;
    bool bad = false;  ///< must fail
    Live* live = nullptr;
    std::unique_ptr<Live> fresh = {};
    std::size_t offset = 0;
    std::vector<Element> data = {};
    Contents expected = {};  ///< of a read, or before an update
  };
  std::vector<Operation> operations;
  std::vector<Live*> here;
  for (const auto& live : live_) {
    if (live->stream_index == stream_index) here.push_back(live.get());
  }
  Batch batch(*memory_);
  for (std::uint64_t left = 1 + roll(6); left != 0; --left) {
    Operation operation{.kind = static_cast<Kind>(roll(3))};
    operation.bad = roll(all_or_nothing ? 12 : 5) == 0;
    if (operation.kind == Kind::create || here.empty()) {
      operation.kind = Kind::create;
      const BufferOptions options = any_options();
      const std::size_t count = std::min<std::size_t>(options.max_bytes / element_bytes, 1 + any_count() / 4);
      operation.data = any_data(count);
      operation.fresh = std::make_unique<Live>(Live{.name = "b" + std::to_string(names_++),
                                                    .oracle = {count, options},
                                                    .options = options,
                                                    .handle = {},
                                                    .owner = {},
                                                    .stream_index = stream_index});
      operation.fresh->oracle.contents.write(0, operation.data);
      if (operation.bad) {
        batch.create<Element>("", operation.data, options);
      } else {
        batch.create<Element>(operation.fresh->name, operation.data, options);
      }
    } else {
      operation.live = here[roll(here.size())];
      const Window window = any_window(*operation.live);
      const std::size_t offset = window.offset;
      const std::size_t count = window.count;
      const std::size_t start = operation.bad ? operation.live->oracle.size() + 1 : offset;
      operation.offset = offset;
      if (operation.kind == Kind::update && operation.live->writable()) {
        operation.data = any_data(count);
        batch.update<Element>(operation.live->handle, operation.data, start);
      } else {
        operation.kind = Kind::read;
        batch.read(operation.live->handle, start, count);
      }
      operation.expected.resize(count);
    }
    operations.push_back(std::move(operation));
  }
  std::vector<BatchResult> results;
  if (!attempt({}, [&] {
        results = batch.submit(streams_[stream_index].id(),
                               {.all_or_nothing = all_or_nothing, .deadline = patience(stream_index)});
      })) {
    return wrong("a batch threw");
  }
  bool failed = false;
  for (std::size_t i = 0; i < results.size(); ++i) {
    Operation& operation = operations[i];
    const bool ok =
        attempt({ErrorCode::limit_exceeded, ErrorCode::out_of_memory, ErrorCode::invalid_argument, ErrorCode::timeout},
                [&] { results[i].require(); });
    failed = failed || !ok;
    if (ok && operation.bad) wrong("operation " + std::to_string(i) + " did not fail");
    if (!ok && code_ == ErrorCode::invalid_argument && !operation.bad && !all_or_nothing) wrong(results[i].message());
    if (!ok && code_ == ErrorCode::timeout && !held()) wrong("it timed out, and nothing was held back");
    // Without the promise of all or nothing, what was queued before the wait goes on.
    const bool late = !ok && code_ == ErrorCode::timeout && !all_or_nothing && was_started(results[i]);
    const bool injected = !ok && (code_ == ErrorCode::driver_error || code_ == ErrorCode::out_of_memory);
    if (operation.kind == Kind::create) {
      const bool there = memory_->contains(operation.fresh->name);
      if (there != (ok || late) && !(injected && !all_or_nothing)) wrong(operation.fresh->name + " is there, or not");
      if (!there) continue;
      if (injected) operation.fresh->oracle.contents.forget(0, operation.data.size());
      operation.fresh->handle = memory_->find<Element>(operation.fresh->name);
      live_.push_back(std::move(operation.fresh));
    } else if (operation.kind == Kind::update && !operation.bad) {
      if (ok || late) operation.live->oracle.contents.write(operation.offset, operation.data);
      if (injected) operation.live->oracle.contents.forget(operation.offset, operation.data.size());
    } else if (ok && contents()) {
      const Contents expected = operation.live->oracle.contents.window(operation.offset, operation.expected.size());
      if (const std::string other = expected.difference(results[i].data<Element>()); !other.empty()) wrong(other);
    }
  }
  if (all_or_nothing && failed) {
    for (const BatchResult& result : results) {
      if (result.ok()) wrong("not all of it failed");
    }
  }
}

}  // namespace weir::model
