// The stack machine that a pickle is a program for. It carries out the opcodes
// that build plain values and refuses the rest. Invariant: no length that the
// file claims is believed before it was checked against the bytes that remain,
// and each opcode adds a bounded amount of memory. Run once, by Pickle::parse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/pickle.hpp"
#include "replay/pickle_opcode.hpp"

namespace weir::replay {

class PickleMachine {
 public:
  explicit PickleMachine(std::span<const std::byte> file);
  [[nodiscard]] Pickle run() &&;

 private:
  using Index = Pickle::Index;
  using Kind = Pickle::Kind;

  [[noreturn]] void fail(std::string_view what) const;
  [[noreturn]] void refuse(PickleOpcode opcode) const;
  /// What an opcode that imports would import, "os.system"; empty for others, and where it does not say.
  [[nodiscard]] std::string imported(PickleOpcode opcode) const;

  // The file.
  void read_protocol();
  [[nodiscard]] std::uint64_t take_unsigned(std::size_t width, std::string_view what);
  [[nodiscard]] std::span<const std::byte> take(std::uint64_t count, std::string_view what);

  // Groups of opcodes; each says whether the opcode was one of its own.
  bool remember(PickleOpcode opcode);
  bool push_scalar(PickleOpcode opcode);
  bool push_blob(PickleOpcode opcode);
  bool push_container(PickleOpcode opcode);
  bool fill_container(PickleOpcode opcode);
  bool arrange(PickleOpcode opcode);

  // Values.
  void push(Index value) { stack_.push_back(value); }
  void push_new(const Pickle::Node& node);
  void push_integer(std::int64_t value);
  void push_long(std::span<const std::byte> digits);
  void push_bytes(Kind kind, std::size_t width, std::string_view what);
  void push_filled(Kind kind, std::size_t from);

  // The stack, whose part below the newest mark is out of reach.
  [[nodiscard]] std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  void need(std::size_t values) const;
  [[nodiscard]] std::size_t pop_mark();
  void fill(std::size_t from);

  // The memo.
  void put(std::uint64_t entry);
  void get(std::uint64_t entry);

  Pickle pickle_;
  std::span<const std::byte> file_;
  std::size_t next_ = 0;  // the byte to read next
  std::size_t at_ = 0;    // the opcode being carried out
  std::vector<Index> stack_;
  std::vector<Index> marks_;  // heights of the stack
  std::vector<Index> memo_;
  std::size_t memo_used_ = 0;
};

}  // namespace weir::replay
