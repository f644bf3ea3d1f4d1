#!/usr/bin/env python3
"""Compiles every kernel of a workload for WebGPU's limits and looks at the words that come of it.

  portable_test.py GLSLANG ROOT LIST SHADER

LIST has the kernels as compute/kernel_table.hpp describes them. With WEIR_COMPUTE_PORTABLE a shader
uses at most eight storage buffers and one uniform block, which are what a pipeline binds, and has no push constants, no numbers of 64
bits, no constants of specialization and none of the operations that WGSL has not. Faults are planted
in a small shader first, to see that each is caught.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

MAX_BUFFERS = 8
MAX_GROUP = 256
OP_CAPABILITY, OP_EXECUTION_MODE, OP_VARIABLE, OP_DECORATE = 17, 16, 59, 71
OP_TYPE_POINTER = 32
INTO = {65, 66, 68}  # OpAccessChain, OpInBoundsAccessChain, OpArrayLength: all ways into a buffer
LOCAL_SIZE, BUFFER_BLOCK, BINDING, PUSH_CONSTANT = 17, 3, 33, 9
WIDE = {10: "floats of 64 bits", 11: "integers of 64 bits"}
REFUSED = {48: "a constant of specialization", 49: "a constant of specialization", 50: "a constant of specialization",
           52: "a constant of specialization", 149: "uaddCarry", 150: "usubBorrow", 151: "umulExtended",
           152: "imulExtended"}  # fmt: skip


def compiled(glslang, root, shader, defines):
    """The words of a shader."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "shader.spv"
        done = subprocess.run([glslang, "--quiet", "-V", f"-I{root}", *defines, "-o", out, shader],
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{shader} {' '.join(defines)} does not compile:\n{done.stdout}{done.stderr}")
        data = out.read_bytes()
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


def instructions(words):
    at = 5  # behind the header
    while at < len(words):
        length, code = words[at] >> 16, words[at] & 0xFFFF
        yield code, words[at + 1 : at + length]
        at += length


def faults(words):
    """What of a shader is past the limits, and how many storage buffers it uses."""
    found, bound, used, variables, pointers, blocks = [], set(), set(), {}, {}, set()
    for code, operands in instructions(words):
        if code == OP_CAPABILITY and operands[0] in WIDE:
            found.append(WIDE[operands[0]])
        elif code == OP_EXECUTION_MODE and operands[1] == LOCAL_SIZE:
            if operands[2] * operands[3] * operands[4] > MAX_GROUP:
                found.append(f"groups of more than {MAX_GROUP}")
        elif code == OP_TYPE_POINTER:
            pointers[operands[0]] = operands[2]
        elif code == OP_VARIABLE:
            variables[operands[1]] = operands[0]
            if operands[2] == PUSH_CONSTANT:
                found.append("push constants")
        elif code == OP_DECORATE and operands[1] == BINDING:
            bound.add(operands[0])
        elif code == OP_DECORATE and operands[1] == BUFFER_BLOCK:
            blocks.add(operands[0])
        elif code in INTO:
            used.add(operands[2])
        elif code in REFUSED:
            found.append(REFUSED[code])
    bound &= used  # those declared and not used are in the words too
    buffers = sum(1 for each in bound if pointers[variables[each]] in blocks)
    if buffers > MAX_BUFFERS:
        found.append(f"{buffers} storage buffers")
    if len(bound) - buffers > 1:
        found.append(f"{len(bound) - buffers} uniform blocks")
    return sorted(set(found)), buffers


PROBE = """#version 450
layout(local_size_x = {group}) in;
{declarations}
layout(set = 0, binding = 0, std430) buffer First {{ uint first[]; }};
void main() {{ {body} first[0] = 1u; }}
"""
NINE = range(1, 9)
PLANTED = {
    "9 storage buffers": {
        "declarations": "".join(f"layout(set = 0, binding = {i}) buffer B{i} {{ uint b{i}[]; }};\n" for i in NINE),
        "body": " ".join(f"b{i}[0] = 1u;" for i in NINE),
    },
    "push constants": {"declarations": "layout(push_constant) uniform P { uint p; };", "body": "first[1] = p;"},
    "floats of 64 bits": {"body": "double d = double(first[1]); first[2] = uint(d * d);"},
    "a constant of specialization": {"declarations": "layout(constant_id = 0) const uint c = 1;",
                                     "body": "first[1] = c;"},
    "umulExtended": {"body": "uint h, l; umulExtended(first[1], first[2], h, l); first[3] = h + l;"},
    "uaddCarry": {"body": "uint c; first[1] = uaddCarry(first[1], first[2], c); first[2] = c;"},
    "groups of more than 256": {"group": 512},
}  # fmt: skip


def planted(glslang):
    """Faults that were not caught."""
    wrong = []
    for expected, parts in [("", {}), *PLANTED.items()]:
        with tempfile.TemporaryDirectory() as folder:
            shader = Path(folder) / "probe.comp"
            shader.write_text(PROBE.format(**{"group": 64, "declarations": "", "body": "", **parts}))
            found, _ = faults(compiled(glslang, folder, shader, []))
            if found != ([expected] if expected else []):
                wrong.append(f"planted {expected or 'nothing'}, found {found}")
    return wrong


def main():
    glslang, root, kernels, shader = sys.argv[1:]
    wrong = planted(glslang)
    names = re.findall(r"KERNEL\(([a-z0-9_]+), (?:words|reals)\)", Path(kernels).read_text())
    if not names:
        wrong.append(f"{kernels} has no kernels")
    most = 0
    for name in names:
        found, buffers = faults(compiled(glslang, root, shader, [f"-DWEIR_COMPUTE_ENTRY={name}", "-DWEIR_COMPUTE_PORTABLE"]))
        wrong += [f"{name}: {fault}" for fault in found]
        most = max(most, buffers)
    print("\n".join(wrong + [f"{len(names)} kernels, {most} storage buffers at most, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
