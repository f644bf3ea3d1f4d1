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
# qemu 7 keeps some bytes for each page that was ever reserved, 3 GiB a TiB, and pools reserve that much. So programs get
# 64 GiB of addresses in all, and a limit of 48 GiB beyond these, of which weir takes shares.
set(CMAKE_CROSSCOMPILING_EMULATOR prlimit --as=120259084288 qemu-aarch64 -R 68719476736 -L /usr/aarch64-linux-gnu)
