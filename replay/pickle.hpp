// A Python pickle read into memory: plain builtins only, nothing is imported or
// called. Values live in one arena and refer to each other by index; what the
// file shares through its memo is shared here too, so the arena stays within a
// small multiple of the file whatever the file claims. Invariant: the values
// form a graph without cycles, at most max_depth deep. Read by pytorch_snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace weir::replay {

class Pickle {
 public:
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,        ///< of 64 bits with a sign
    large_integer,  ///< from 2^63 to 2^64 - 1, as addresses are that a driver maps high
    wide_integer,   ///< of more than 64 bits
    real,
    text,
    bytes,
    list,
    tuple,
    dict
  };
  class Value;

  static constexpr std::uint16_t max_depth = 100;
  /// Indices and offsets are 32 bits wide, and no opcode makes more than one of each a byte.
  static constexpr std::uint64_t max_file_bytes = 0xffff'fffe;

  /// Reads protocols 2 to 5. `file` must outlive the result, whose texts point
  /// into it. Throws ParseError that names the byte offset and what was wrong.
  /// Linear in the size of the file, in time and in memory.
  [[nodiscard]] static Pickle parse(std::span<const std::byte> file);

  [[nodiscard]] Value root() const noexcept;
  [[nodiscard]] std::size_t file_bytes() const noexcept { return file_.size(); }

 private:
  friend class PickleMachine;
  using Index = std::uint32_t;

  struct Node {
    std::uint64_t payload = 0;  // integer or real bits, offset of a text, first and last run
    std::uint32_t count = 0;    // bytes of a text; values in a container, a dict's keys included
    std::uint16_t depth = 0;    // 0 for scalars; containers are one deeper than what is in them
    Kind kind = Kind::none;
    bool placed = false;  // is part of another value, and so may not change any more
  };
  /// Values of one container that lie together in items_; a container is filled
  /// in batches, between which others are filled too.
  struct Run {
    Index first = 0;
    std::uint32_t count = 0;
    Index next = no_run;
  };
  static constexpr Index no_run = 0xffff'ffff;
  static constexpr std::uint64_t no_runs = ~std::uint64_t{0};

  [[nodiscard]] static Node scalar(Kind kind, std::uint64_t payload) { return {payload, 0, 0, kind, false}; }
  [[nodiscard]] static Node empty_container(Kind kind) { return {no_runs, 0, 1, kind, false}; }
  Index add(const Node& node);
  /// Appends to a container. Returns what forbids it, or an empty text.
  [[nodiscard]] std::string_view extend(Index container, std::span<const Index> added);

  std::span<const std::byte> file_;
  std::vector<Node> nodes_;
  std::vector<Index> items_;
  std::vector<Run> runs_;
  Index root_ = 0;
};

/// A handle on one value; valid while its Pickle is.
class Pickle::Value {
 public:
  [[nodiscard]] Kind kind() const noexcept { return node().kind; }
  /// Empty unless the value is an integer of 64 bits with a sign; a large_integer is not.
  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
  /// The 64 bits of an integer or a large_integer: writers give one address with a sign or without, and both are the
  /// same here. Empty for all others.
  [[nodiscard]] std::optional<std::uint64_t> bits() const noexcept;
  [[nodiscard]] std::optional<bool> boolean() const noexcept;
  [[nodiscard]] std::optional<double> real() const noexcept;
  /// The bytes as the file has them: UTF-8 by Python's rule, not checked here.
  [[nodiscard]] std::optional<std::string_view> text() const noexcept;
  /// Items of a list or tuple, entries of a dict, bytes of a text; 0 for the others.
  [[nodiscard]] std::size_t size() const noexcept;
  /// The value under a text key, the last one where the file repeats the key.
  /// Looks at every entry. Empty also where this is not a dict.
  [[nodiscard]] std::optional<Value> find(std::string_view key) const noexcept;

  /// The same for one value that the file refers to several times, and for no other.
  [[nodiscard]] std::uint32_t id() const noexcept { return index_; }

  /// Calls `visit(Value)` for each item of a list or tuple, in order; for a
  /// dict, key and value in turn. The visits may end early by an exception.
  template <class Visit>
  void for_each(Visit visit) const {
    static_cast<void>(for_each_while([&](Value value) {
      visit(value);
      return true;
    }));
  }
  /// The same until `visit` gives false; whether it never did.
  template <class Visit>
  bool for_each_while(Visit visit) const {
    for (Index run = first_run(); run != no_run; run = owner_->runs_[run].next) {
      const Run& items = owner_->runs_[run];
      for (Index i = 0; i < items.count; ++i) {
        if (!visit(Value(*owner_, owner_->items_[items.first + i]))) return false;
      }
    }
    return true;
  }

 private:
  friend class Pickle;
  Value(const Pickle& owner, Index index) noexcept : owner_(&owner), index_(index) {}
  [[nodiscard]] const Node& node() const noexcept { return owner_->nodes_[index_]; }
  [[nodiscard]] Index first_run() const noexcept;

  const Pickle* owner_;
  Index index_;
};

/// The name of a kind in Python's words, for messages: "int", "dict".
[[nodiscard]] std::string_view to_string(Pickle::Kind kind) noexcept;
/// The same with its article: "an int", "a dict".
[[nodiscard]] std::string_view one(Pickle::Kind kind) noexcept;

}  // namespace weir::replay
