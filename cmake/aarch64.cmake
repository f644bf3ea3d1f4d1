# The toolchain for aarch64 Linux from another machine: Debian's cross compiler, and qemu-user to run what it builds.
# Invariant: no library or header of the building machine is found. The preset `aarch64` names this file.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# qemu 7 keeps some bytes for each page reserved, 3 GiB a TiB, and pools reserve that much: a limit on addresses, which
# they divide, keeps the programs small. It bounds what they take in all, too.
set(CMAKE_CROSSCOMPILING_EMULATOR prlimit --as=17179869184 qemu-aarch64 -L /usr/aarch64-linux-gnu)
