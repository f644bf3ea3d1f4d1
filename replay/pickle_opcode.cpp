// The refusals; see pickle_opcode.hpp.
#include "replay/pickle_opcode.hpp"

namespace weir::replay {

std::string_view refusal(PickleOpcode opcode) noexcept {
  using enum PickleOpcode;
  switch (opcode) {
    case global: return "GLOBAL names a Python class or function; only plain builtins are read";
    case stack_global: return "STACK_GLOBAL names a Python class or function; only plain builtins are read";
    case reduce: return "REDUCE calls a Python function; only plain builtins are read";
    case build: return "BUILD sets up a Python object; only plain builtins are read";
    case inst: return "INST makes a Python object; only plain builtins are read";
    case obj: return "OBJ makes a Python object; only plain builtins are read";
    case newobj: return "NEWOBJ makes a Python object; only plain builtins are read";
    case newobj_ex: return "NEWOBJ_EX makes a Python object; only plain builtins are read";
    case persid: return "PERSID refers to an object outside the file";
    case binpersid: return "BINPERSID refers to an object outside the file";
    case ext1: return "EXT1 refers to a registered class; only plain builtins are read";
    case ext2: return "EXT2 refers to a registered class; only plain builtins are read";
    case ext4: return "EXT4 refers to a registered class; only plain builtins are read";
    case next_buffer: return "NEXT_BUFFER refers to a buffer outside the file";
    case readonly_buffer: return "READONLY_BUFFER refers to a buffer outside the file";
    case empty_set: return "EMPTY_SET makes a set, which no snapshot holds";
    case additems: return "ADDITEMS fills a set, which no snapshot holds";
    case frozenset: return "FROZENSET makes a set, which no snapshot holds";
    case float_text: return "FLOAT belongs to protocol 0; save the file with protocol 2 or newer";
    case int_text: return "INT belongs to protocol 0; save the file with protocol 2 or newer";
    case long_text: return "LONG belongs to protocol 0; save the file with protocol 2 or newer";
    case string_text: return "STRING belongs to protocol 0; save the file with protocol 2 or newer";
    case unicode_text: return "UNICODE belongs to protocol 0; save the file with protocol 2 or newer";
    case get_text: return "GET belongs to protocol 0; save the file with protocol 2 or newer";
    case put_text: return "PUT belongs to protocol 0; save the file with protocol 2 or newer";
    case proto: return "PROTO may stand only at the start";
    default: return "no such opcode";
  }
}

}  // namespace weir::replay
