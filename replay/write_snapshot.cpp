// A recording as a PyTorch memory snapshot; see convert.hpp. The pickle has the opcodes that
// PyTorch's viewer knows, in batches that its engine takes.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "index/size_bins.hpp"
#include "replay/address_ranges.hpp"
#include "replay/block_walk.hpp"
#include "replay/convert.hpp"

namespace weir::replay {

namespace {

using track::Event;
using track::EventKind;
using track::EventWay;

/// Protocol 2: an opcode at a time, a part of the file at a time.
class PickleOut {
 public:
  explicit PickleOut(const WriteText& write) : write_(write) { text_ = "\x80\x02"; }

  void finish() {
    text_ += '.';
    write_(text_);
    text_.clear();
  }
  void integer(std::uint64_t value) {
    text_ += '\x8a';
    // Nine bytes, where the eighth would make it negative.
    const std::size_t width = value >> 63 != 0 ? 9 : 8;
    text_ += static_cast<char>(width);
    put(value, 8);
    if (width == 9) text_ += '\0';
  }
  /// A text of which there are few different ones: written once, then by its number.
  void word(const std::string& value) {
    const auto [place, fresh] = words_.try_emplace(value, static_cast<std::uint32_t>(memo_));
    if (!fresh) {
      get(place->second);
      return;
    }
    text_ += 'X';
    put(value.size(), 4);
    text_ += value;
    remember();
  }
  /// Remembers what was written last, for get().
  std::uint32_t remember() {
    text_ += 'r';
    put(memo_, 4);
    return static_cast<std::uint32_t>(memo_++);
  }
  void get(std::uint32_t number) {
    text_ += 'j';
    put(number, 4);
  }
  void boolean(bool value) { text_ += value ? '\x88' : '\x89'; }
  void begin_dict() { text_ += "}("; }
  void end_dict() { text_ += 'u'; }
  void begin_list() { text_ += ']'; }
  void begin_items() { text_ += '('; }
  void end_items() {
    text_ += 'e';
    flush();
  }
  void number(const std::string& key, std::uint64_t value) {
    word(key);
    integer(value);
  }
  void name(const std::string& key, const std::string& value) {
    word(key);
    word(value);
  }

 private:
  void put(std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) text_ += static_cast<char>(value >> (8 * i));
  }
  void flush() {
    constexpr std::size_t usual = std::size_t{1} << 16;
    if (text_.size() < usual) return;
    write_(text_);
    text_.clear();
  }

  const WriteText& write_;
  std::string text_;
  std::unordered_map<std::string, std::uint32_t> words_;
  std::uint64_t memo_ = 0;
};

/// Items of a list in batches of a thousand, as Python writes them.
class Batches {
 public:
  explicit Batches(PickleOut& out) : out_(out) { out_.begin_list(); }
  void next() {
    constexpr std::size_t batch = 1000;
    if (count_ % batch == 0) {
      if (count_ != 0) out_.end_items();
      out_.begin_items();
    }
    ++count_;
  }
  void end() {
    if (count_ != 0) out_.end_items();
  }

 private:
  PickleOut& out_;
  std::size_t count_ = 0;
};

std::uint64_t allocated_bytes(const Event& event) { return std::uint64_t{event.granules} << index::granule_shift; }

/// What is live, and mapped, after all events of a pool.
class AtEnd final : public BlockVisitor {
 public:
  explicit AtEnd(const RecordedPool& pool) {
    walk(pool, *this);
    for (const auto& [address, block] : live) {
      // Where no memory of the driver's is told of, as in other tools' recordings, a block has its own.
      if (!ranges.has(address, allocated_bytes(block))) ranges.add(address, allocated_bytes(block));
    }
  }
  void allocated(const Event& block) override { live.insert_or_assign(block.address, block); }
  void freed(const Event& block, const Event&) override {
    const auto found = live.find(block.address);
    if (found != live.end() && found->second.block == block.block) live.erase(found);
  }
  void other(const Event& event) override {
    if (event.address == 0) return;
    const bool segment = event.way == EventWay::segment;
    if (event.kind == EventKind::map || (event.kind == EventKind::create && segment)) {
      ranges.add(event.address, event.bytes);
    } else if (event.kind == EventKind::unmap || (event.kind == EventKind::destroy && segment)) {
      ranges.remove(event.address, event.bytes);
    }
  }

  std::map<std::uint64_t, Event> live;  ///< by address
  AddressRanges ranges;
};

class SnapshotWriter {
 public:
  SnapshotWriter(const Recording& recording, const WriteText& write) : recording_(recording), out_(write) {}

  Losses run() {
    out_.begin_dict();
    out_.word("segments");
    Batches segments(out_);
    for (std::size_t device = 0; device < recording_.pools.size(); ++device) {
      write_segments(recording_.pools[device], device, segments);
    }
    segments.end();
    out_.word("device_traces");
    Batches traces(out_);
    for (const RecordedPool& pool : recording_.pools) {
      traces.next();
      Batches events(out_);
      EventsOf(*this, events, pool);
      events.end();
    }
    traces.end();
    out_.word("allocator_settings");
    out_.begin_dict();
    out_.word("expandable_segments");
    out_.boolean(true);
    out_.end_dict();
    out_.end_dict();
    out_.finish();
    Losses losses{"a PyTorch snapshot has no threads, no transfers, no spills, and not how a request was served"};
    if (resizes_ != 0)
      losses.push_back(std::to_string(resizes_) + " changes of a block's size became frees and allocations");
    if (recording_.pools.size() > 1)
      losses.emplace_back("each pool is a device of the snapshot, in the order of the recording");
    return losses;
  }

 private:
  /// The owner's name stands where PyTorch has the program's line.
  void frames(std::uint32_t tag) {
    out_.word("frames");
    const auto [place, fresh] = frames_.try_emplace(tag, 0);
    if (!fresh) {
      out_.get(place->second);
      return;
    }
    out_.begin_list();
    if (tag != 0) {
      out_.begin_items();
      out_.begin_dict();
      out_.name("filename", "weir");
      out_.number("line", 0);
      out_.name("name", recording_.names[tag]);
      out_.end_dict();
      out_.end_items();
    }
    place->second = out_.remember();
  }

  void event(Batches& events, const char* action, const Event& block, std::uint64_t bytes, std::uint32_t stream,
             std::uint64_t time) {
    events.next();
    out_.begin_dict();
    out_.name("action", action);
    out_.number("addr", block.address);
    out_.number("size", bytes);
    out_.number("stream", stream);
    out_.number("time_us", wall_time_of(recording_, time) / 1000);
    frames(block.tag);
    out_.end_dict();
  }

  class EventsOf final : public BlockVisitor {
   public:
    EventsOf(SnapshotWriter& writer, Batches& events, const RecordedPool& pool) : writer_(writer), events_(events) {
      before_ = pool.live_before.size();
      walk(pool, *this);
    }
    // What was live before is known from what is live at the end, or from its free.
    void allocated(const Event& block) override {
      if (before_ != 0) {
        --before_;
        return;
      }
      writer_.event(events_, "alloc", block, block.bytes, block.stream, block.time);
    }
    void freed(const Event& block, const Event& end) override {
      writer_.event(events_, "free_requested", block, block.bytes, end.stream, end.time);
      writer_.event(events_, "free_completed", block, block.bytes, end.stream, end.time);
    }
    void resized(const Event& before, const Event& after) override {
      ++writer_.resizes_;
      BlockVisitor::resized(before, after);
    }
    void other(const Event& event) override {
      const bool segment = event.way == EventWay::segment;
      const char* action = nullptr;
      if (event.kind == EventKind::map) action = "segment_map";
      if (event.kind == EventKind::unmap) action = "segment_unmap";
      if (event.kind == EventKind::create && segment) action = "segment_alloc";
      if (event.kind == EventKind::destroy && segment) action = "segment_free";
      if (action == nullptr || event.address == 0) return;
      Event untagged = event;
      untagged.tag = 0;
      writer_.event(events_, action, untagged, event.bytes, 0, event.time);
    }

   private:
    SnapshotWriter& writer_;
    Batches& events_;
    std::size_t before_ = 0;
  };

  void write_segments(const RecordedPool& pool, std::size_t device, Batches& segments) {
    const AtEnd end(pool);
    for (const auto& [address, bytes] : end.ranges.joined()) {
      std::uint64_t active = 0;
      std::uint64_t requested = 0;
      const auto first = end.live.lower_bound(address);
      const auto last = end.live.lower_bound(address + bytes);
      for (auto at = first; at != last; ++at) {
        active += allocated_bytes(at->second);
        requested += at->second.bytes;
      }
      segments.next();
      out_.begin_dict();
      out_.number("device", device);
      out_.number("address", address);
      out_.number("total_size", bytes);
      out_.number("allocated_size", active);
      out_.number("active_size", active);
      out_.number("requested_size", requested);
      out_.number("stream", 0);
      out_.name("segment_type", "large");
      out_.word("is_expandable");
      out_.boolean(pool.page_bytes != 0);
      out_.word("blocks");
      Batches blocks(out_);
      std::uint64_t next = address;
      const auto put = [&](std::uint64_t at, std::uint64_t size, std::uint64_t asked, bool live, std::uint32_t tag) {
        if (size == 0) return;
        blocks.next();
        out_.begin_dict();
        out_.number("address", at);
        out_.number("size", size);
        out_.number("requested_size", asked);
        out_.name("state", live ? "active_allocated" : "inactive");
        frames(tag);
        out_.end_dict();
        next = at + size;
      };
      for (auto at = first; at != last; ++at) {
        const Event& block = at->second;
        const std::uint64_t size = allocated_bytes(block);
        if (block.address < next || size > address + bytes - block.address) continue;
        put(next, block.address - next, 0, false, 0);
        put(block.address, size, std::min(block.bytes, size), true, block.tag);
      }
      put(next, address + bytes - next, 0, false, 0);
      blocks.end();
      out_.end_dict();
    }
  }

  const Recording& recording_;
  PickleOut out_;
  std::unordered_map<std::uint32_t, std::uint32_t> frames_;  // by tag: the number of its list
  std::uint64_t resizes_ = 0;
};

}  // namespace

Losses write_pytorch_snapshot(const Recording& recording, const WriteText& write) {
  return SnapshotWriter(recording, write).run();
}

}  // namespace weir::replay
