// The opcodes, group by group; see pickle_machine.hpp.
#include "replay/pickle_machine.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"

namespace weir::replay {

namespace {

// Values that a pickle repeats without end are made once: their opcodes are one
// or two bytes, and a value of their own for each would be many times that.
constexpr std::uint32_t none_at = 0;
constexpr std::uint32_t true_at = 1;
constexpr std::uint32_t false_at = 2;
constexpr std::uint32_t empty_tuple_at = 3;
constexpr std::uint32_t small_integers_at = 4;
constexpr std::uint32_t small_integers = 256;

constexpr std::uint32_t no_value = 0xffff'ffff;

}  // namespace

Pickle Pickle::parse(std::span<const std::byte> file) { return PickleMachine(file).run(); }

PickleMachine::PickleMachine(std::span<const std::byte> file) : file_(file) {
  pickle_.file_ = file;
  pickle_.add(Pickle::scalar(Kind::none, 0));
  pickle_.add(Pickle::scalar(Kind::boolean, 1));
  pickle_.add(Pickle::scalar(Kind::boolean, 0));
  pickle_.add(Pickle::empty_container(Kind::tuple));
  for (std::uint64_t value = 0; value < small_integers; ++value) {
    pickle_.add(Pickle::scalar(Kind::integer, value));
  }
}

Pickle PickleMachine::run() && {
  if (file_.size() > Pickle::max_file_bytes) fail("a pickle of 4 GiB or more; record a shorter history");
  read_protocol();
  while (true) {
    at_ = next_;
    const auto opcode = static_cast<PickleOpcode>(take_unsigned(1, "the opcode STOP"));
    if (opcode == PickleOpcode::stop) break;
    const bool done = remember(opcode) || push_scalar(opcode) || push_blob(opcode) || push_container(opcode) ||
                      fill_container(opcode) || arrange(opcode);
    if (!done) refuse(opcode);
  }
  if (!marks_.empty()) fail("STOP stands inside an open MARK");
  if (stack_.size() != 1) {
    fail("STOP needs one value on the stack and finds " + std::to_string(stack_.size()));
  }
  if (next_ != file_.size()) {
    fail("STOP stands " + std::to_string(file_.size() - next_) + " bytes before the file's end");
  }
  pickle_.root_ = stack_.back();
  return std::move(pickle_);
}

void PickleMachine::fail(std::string_view what) const {
  throw ParseError("byte " + std::to_string(at_) + ": " + std::string(what));
}

void PickleMachine::refuse(PickleOpcode opcode) const {
  const std::string name = imported(opcode);
  fail(std::string(refusal(opcode)) + (name.empty() ? "" : ", and this is " + files::excerpt(name)));
}

std::string PickleMachine::imported(PickleOpcode opcode) const {
  if (opcode == PickleOpcode::global || opcode == PickleOpcode::inst) {
    // Two lines, the module and the name; no more of them is looked at than an excerpt shows.
    constexpr std::size_t longest = 128;
    const auto left = file_.subspan(next_, std::min(file_.size() - next_, longest));
    const std::string_view lines(reinterpret_cast<const char*>(left.data()), left.size());
    const std::size_t end = lines.find('\n');
    if (end == std::string_view::npos) return std::string(lines);
    const std::string_view name = lines.substr(end + 1);
    return std::string(lines.substr(0, end)) + "." + std::string(name.substr(0, name.find('\n')));
  }
  if (opcode == PickleOpcode::stack_global && stack_.size() >= floor() + 2) {
    const auto text = [&](std::size_t from_top) {
      const Pickle::Node& node = pickle_.nodes_[stack_[stack_.size() - from_top]];
      if (node.kind != Kind::text) return std::string("?");
      const auto bytes = file_.subspan(node.payload, std::min<std::size_t>(node.count, 128));
      return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    return text(2) + "." + text(1);
  }
  return {};
}

void PickleMachine::read_protocol() {
  if (take_unsigned(1, "a pickle") != static_cast<std::uint8_t>(PickleOpcode::proto)) {
    fail("not a pickle of protocol 2 or newer, which starts with PROTO");
  }
  const std::uint64_t protocol = take_unsigned(1, "the protocol's number");
  if (protocol < 2 || protocol > 5) {
    fail("pickle protocol " + std::to_string(protocol) + "; 2 to 5 are read");
  }
}

std::span<const std::byte> PickleMachine::take(std::uint64_t count, std::string_view what) {
  const std::size_t left = file_.size() - next_;
  if (count > left) {
    fail("the file ends inside " + std::string(what) + ", which needs " + std::to_string(count) + " bytes; " +
         std::to_string(left) + " remain");
  }
  const auto taken = file_.subspan(next_, static_cast<std::size_t>(count));
  next_ += taken.size();
  return taken;
}

std::uint64_t PickleMachine::take_unsigned(std::size_t width, std::string_view what) {
  const auto bytes = take(width, what);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

bool PickleMachine::remember(PickleOpcode opcode) {
  switch (opcode) {
    case PickleOpcode::binget: get(take_unsigned(1, "BINGET")); return true;
    case PickleOpcode::long_binget: get(take_unsigned(4, "LONG_BINGET")); return true;
    case PickleOpcode::binput: put(take_unsigned(1, "BINPUT")); return true;
    case PickleOpcode::long_binput: put(take_unsigned(4, "LONG_BINPUT")); return true;
    case PickleOpcode::memoize: put(memo_used_); return true;
    default: return false;
  }
}

// Picklers number their memo entries from 0 or 1 without gaps, so an entry beyond
// the file's size is an attempt at a large table.
void PickleMachine::put(std::uint64_t entry) {
  need(1);
  if (entry >= file_.size()) {
    fail("memo entry " + std::to_string(entry) + " is more than the file can fill");
  }
  if (entry >= memo_.size()) memo_.resize(static_cast<std::size_t>(entry) + 1, no_value);
  Index& value = memo_[static_cast<std::size_t>(entry)];
  if (value == no_value) ++memo_used_;
  value = stack_.back();
}

void PickleMachine::get(std::uint64_t entry) {
  if (entry >= memo_.size() || memo_[static_cast<std::size_t>(entry)] == no_value) {
    fail("memo entry " + std::to_string(entry) + " is read before it is filled");
  }
  push(memo_[static_cast<std::size_t>(entry)]);
}

bool PickleMachine::push_scalar(PickleOpcode opcode) {
  switch (opcode) {
    case PickleOpcode::none: push(none_at); return true;
    case PickleOpcode::newtrue: push(true_at); return true;
    case PickleOpcode::newfalse: push(false_at); return true;
    case PickleOpcode::binint1: push_integer(static_cast<std::uint8_t>(take_unsigned(1, "BININT1"))); return true;
    case PickleOpcode::binint2: push_integer(static_cast<std::uint16_t>(take_unsigned(2, "BININT2"))); return true;
    case PickleOpcode::binint: push_integer(static_cast<std::int32_t>(take_unsigned(4, "BININT"))); return true;
    case PickleOpcode::long1: push_long(take(take_unsigned(1, "LONG1"), "LONG1")); return true;
    case PickleOpcode::long4: {
      const std::uint64_t digits = take_unsigned(4, "LONG4");
      if (digits > 0x7fff'ffffU) fail("LONG4 has a negative length");
      push_long(take(digits, "LONG4"));
      return true;
    }
    case PickleOpcode::binfloat: {
      std::uint64_t bits = 0;  // the one big-endian number of the format
      for (const std::byte b : take(8, "BINFLOAT")) bits = (bits << 8) | std::to_integer<std::uint64_t>(b);
      push_new(Pickle::scalar(Kind::real, bits));
      return true;
    }
    default: return false;
  }
}

void PickleMachine::push_integer(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (bits < small_integers) {
    push(small_integers_at + static_cast<Index>(bits));
  } else {
    push_new(Pickle::scalar(Kind::integer, bits));
  }
}

// Little-endian two's complement of any length. Digits beyond the eighth that
// only repeat the sign are harmless; the one that keeps a number from 2^63 on
// positive makes it a large_integer; others make it a wide_integer, which is a
// value that no field accepts as a number.
void PickleMachine::push_long(std::span<const std::byte> digits) {
  if (digits.empty()) return push_integer(0);
  const bool negative = (digits.back() & std::byte{0x80}) != std::byte{0};
  const std::byte sign = negative ? std::byte{0xff} : std::byte{0};
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const std::byte digit = i < digits.size() ? digits[i] : sign;
    bits |= std::to_integer<std::uint64_t>(digit) << (8 * i);
  }
  bool fits = true;
  for (std::size_t i = 8; i < digits.size() && fits; ++i) fits = digits[i] == sign;
  const bool top = bits >> 63 != 0;
  if (fits && top == negative) {
    push_integer(static_cast<std::int64_t>(bits));
  } else if (fits && top) {
    push_new(Pickle::scalar(Kind::large_integer, bits));
  } else {
    push_new(Pickle::scalar(Kind::wide_integer, 0));
  }
}

bool PickleMachine::push_blob(PickleOpcode opcode) {
  switch (opcode) {
    case PickleOpcode::short_binunicode: push_bytes(Kind::text, 1, "SHORT_BINUNICODE"); return true;
    case PickleOpcode::binunicode: push_bytes(Kind::text, 4, "BINUNICODE"); return true;
    case PickleOpcode::binunicode8: push_bytes(Kind::text, 8, "BINUNICODE8"); return true;
    case PickleOpcode::short_binstring: push_bytes(Kind::text, 1, "SHORT_BINSTRING"); return true;
    case PickleOpcode::binstring: push_bytes(Kind::text, 4, "BINSTRING"); return true;
    case PickleOpcode::short_binbytes: push_bytes(Kind::bytes, 1, "SHORT_BINBYTES"); return true;
    case PickleOpcode::binbytes: push_bytes(Kind::bytes, 4, "BINBYTES"); return true;
    case PickleOpcode::binbytes8: push_bytes(Kind::bytes, 8, "BINBYTES8"); return true;
    case PickleOpcode::bytearray8: push_bytes(Kind::bytes, 8, "BYTEARRAY8"); return true;
    default: return false;
  }
}

void PickleMachine::push_bytes(Kind kind, std::size_t width, std::string_view what) {
  const auto bytes = take(take_unsigned(width, what), what);
  const auto offset = static_cast<std::uint64_t>(bytes.data() - file_.data());
  push_new({offset, static_cast<std::uint32_t>(bytes.size()), 0, kind, false});
}

bool PickleMachine::push_container(PickleOpcode opcode) {
  switch (opcode) {
    case PickleOpcode::empty_tuple: push(empty_tuple_at); return true;
    case PickleOpcode::empty_list: push_filled(Kind::list, stack_.size()); return true;
    case PickleOpcode::empty_dict: push_filled(Kind::dict, stack_.size()); return true;
    case PickleOpcode::tuple1:
      need(1);
      push_filled(Kind::tuple, stack_.size() - 1);
      return true;
    case PickleOpcode::tuple2:
      need(2);
      push_filled(Kind::tuple, stack_.size() - 2);
      return true;
    case PickleOpcode::tuple3:
      need(3);
      push_filled(Kind::tuple, stack_.size() - 3);
      return true;
    case PickleOpcode::tuple: push_filled(Kind::tuple, pop_mark()); return true;
    case PickleOpcode::list: push_filled(Kind::list, pop_mark()); return true;
    case PickleOpcode::dict: push_filled(Kind::dict, pop_mark()); return true;
    default: return false;
  }
}

// Replaces the values from a height of the stack up by one container of them.
void PickleMachine::push_filled(Kind kind, std::size_t from) {
  push_new(Pickle::empty_container(kind));
  const Index container = stack_.back();
  stack_.insert(stack_.begin() + static_cast<std::ptrdiff_t>(from), container);
  stack_.pop_back();
  fill(from + 1);
}

bool PickleMachine::fill_container(PickleOpcode opcode) {
  std::size_t from = 0;
  switch (opcode) {
    case PickleOpcode::append:
      need(2);
      from = stack_.size() - 1;
      break;
    case PickleOpcode::setitem:
      need(3);
      from = stack_.size() - 2;
      break;
    case PickleOpcode::appends:
    case PickleOpcode::setitems:
      from = pop_mark();
      if (from <= floor()) fail("a MARK with nothing below it to fill");
      break;
    default: return false;
  }
  const bool wants_list = opcode == PickleOpcode::append || opcode == PickleOpcode::appends;
  const Kind kind = pickle_.nodes_[stack_[from - 1]].kind;
  if (kind != (wants_list ? Kind::list : Kind::dict)) {
    fail((wants_list ? "items for a list are given to a " : "entries for a dict are given to a ") +
         std::string(to_string(kind)));
  }
  fill(from);
  return true;
}

// Moves the values from a height of the stack up into the container below them.
void PickleMachine::fill(std::size_t from) {
  const Index container = stack_[from - 1];
  const std::span<const Index> added = std::span(stack_).subspan(from);
  if (pickle_.nodes_[container].kind == Kind::dict) {
    if (added.size() % 2 != 0) fail("a dict is given a key without a value");
    for (std::size_t i = 0; i < added.size(); i += 2) {
      const Kind key = pickle_.nodes_[added[i]].kind;
      if (key == Kind::list || key == Kind::dict) fail("a dict's key is a list or a dict");
    }
  }
  const std::string_view problem = pickle_.extend(container, added);
  if (!problem.empty()) fail(problem);
  stack_.resize(from);
}

bool PickleMachine::arrange(PickleOpcode opcode) {
  switch (opcode) {
    case PickleOpcode::mark: marks_.push_back(static_cast<Index>(stack_.size())); return true;
    case PickleOpcode::pop_mark: stack_.resize(pop_mark()); return true;
    case PickleOpcode::dup:
      need(1);
      push(stack_.back());
      return true;
    case PickleOpcode::pop:
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
      } else {
        need(1);
        stack_.pop_back();
      }
      return true;
    case PickleOpcode::frame: {
      // Frames only tell a reader how far ahead it may read.
      const std::uint64_t length = take_unsigned(8, "FRAME");
      if (length > file_.size() - next_) {
        fail("a frame of " + std::to_string(length) + " bytes goes past the file's end");
      }
      return true;
    }
    default: return false;
  }
}

void PickleMachine::need(std::size_t values) const {
  if (stack_.size() - floor() < values) fail("the stack holds too few values for this opcode");
}

std::size_t PickleMachine::pop_mark() {
  if (marks_.empty()) fail("this opcode needs a MARK, which is missing");
  const std::size_t height = marks_.back();
  marks_.pop_back();
  return height;
}

// One value per two bytes is more than any pickler writes, each value of its
// own being memoized or given a key; without the bound a file of empty lists
// would cost many times its size.
void PickleMachine::push_new(const Pickle::Node& node) {
  constexpr std::size_t always_allowed = 4096;
  if (pickle_.nodes_.size() > always_allowed + file_.size() / 2) {
    fail("more values than a file of this size can hold");
  }
  push(pickle_.add(node));
}

}  // namespace weir::replay
