// The opcodes of Python pickles, protocols 0 to 5, with the names that Python's
// pickletools prints. The values are the file format's; only pickle_machine.cpp
// and error messages use them.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::replay {

enum class PickleOpcode : std::uint8_t {
  mark = '(',
  stop = '.',
  pop = '0',
  pop_mark = '1',
  dup = '2',
  float_text = 'F',
  int_text = 'I',
  long_text = 'L',
  string_text = 'S',
  unicode_text = 'V',
  get_text = 'g',
  put_text = 'p',
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  none = 'N',
  binfloat = 'G',
  persid = 'P',
  binpersid = 'Q',
  reduce = 'R',
  build = 'b',
  global = 'c',
  inst = 'i',
  obj = 'o',
  binstring = 'T',
  short_binstring = 'U',
  binunicode = 'X',
  append = 'a',
  appends = 'e',
  setitem = 's',
  setitems = 'u',
  dict = 'd',
  list = 'l',
  tuple = 't',
  empty_dict = '}',
  empty_list = ']',
  empty_tuple = ')',
  binget = 'h',
  long_binget = 'j',
  binput = 'q',
  long_binput = 'r',
  binbytes = 'B',
  short_binbytes = 'C',
  proto = 0x80,
  newobj = 0x81,
  ext1 = 0x82,
  ext2 = 0x83,
  ext4 = 0x84,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  newtrue = 0x88,
  newfalse = 0x89,
  long1 = 0x8a,
  long4 = 0x8b,
  short_binunicode = 0x8c,
  binunicode8 = 0x8d,
  binbytes8 = 0x8e,
  empty_set = 0x8f,
  additems = 0x90,
  frozenset = 0x91,
  newobj_ex = 0x92,
  stack_global = 0x93,
  memoize = 0x94,
  frame = 0x95,
  bytearray8 = 0x96,
  next_buffer = 0x97,
  readonly_buffer = 0x98,
};

/// Why this reader refuses an opcode, as the end of a sentence; every opcode
/// that it does not carry out has an answer, unknown bytes too.
[[nodiscard]] std::string_view refusal(PickleOpcode opcode) noexcept;

}  // namespace weir::replay
