# The shaders of workloads, where there is a compiler for them beside Vulkan's headers.
#   WEIR_SHADERS   whether shaders are built
find_program(WEIR_GLSLANG glslangValidator DOC "Compiles the shaders (Debian: glslang-tools)")
set(WEIR_SHADERS OFF)
if(WEIR_VULKAN AND WEIR_GLSLANG)
  set(WEIR_SHADERS ON)
endif()

# weir_kernels(NAMES REALS LIST): the names in a list of kernels, as compute/kernel_table.hpp describes it, and those of
# them that have real numbers.
function(weir_kernels names reals list)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
  file(READ ${list} text)
  string(REGEX MATCHALL "KERNEL\\([a-z0-9_]+, (words|reals)\\)" entries "${text}")
  list(TRANSFORM entries REPLACE "KERNEL\\(([a-z0-9_]+), ([a-z]+)\\)" "\\1 \\2")
  set(all ${entries})
  list(FILTER entries INCLUDE REGEX " reals$")
  list(TRANSFORM all REPLACE " .*" "")
  list(TRANSFORM entries REPLACE " .*" "")
  if(NOT all)
    message(FATAL_ERROR "${list} has no line KERNEL(name, words) or KERNEL(name, reals)")
  endif()
  set(${names} ${all} PARENT_SCOPE)
  set(${reals} ${entries} PARENT_SCOPE)
endfunction()

# weir_compute_shaders(TARGET PREFIX LIST SHADER): compiles the shader once for each kernel of the list, and once more
# in 64 bits for those with real numbers. TARGET can include <PREFIX_shaders.inc>, which has their words as arrays by
# the kernels' names, the latter with _doubles behind them.
function(weir_compute_shaders target prefix list shader)
  weir_kernels(names reals ${list})
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${prefix}_shaders)
  file(MAKE_DIRECTORY ${folder})
  set(doubles ${reals})
  list(TRANSFORM doubles APPEND _doubles)
  set(arrays "")
  foreach(name IN LISTS names doubles)
    string(REGEX REPLACE "_doubles$" "" body ${name})
    set(words ${folder}/${name}.spv.inc)
    add_custom_command(OUTPUT ${words} DEPENDS ${shader} DEPFILE ${words}.d VERBATIM
      COMMAND ${WEIR_GLSLANG} --quiet -V -x -I${PROJECT_SOURCE_DIR} -DWEIR_COMPUTE_ENTRY=${body}
        $<$<NOT:$<STREQUAL:${name},${body}>>:-DWEIR_COMPUTE_DOUBLES> --depfile ${words}.d -o ${words} ${shader}
      COMMAND_EXPAND_LISTS)
    target_sources(${target} PRIVATE ${words})
    string(APPEND arrays "constexpr std::uint32_t ${name}[] = {\n#include \"${words}\"\n};\n")
  endforeach()
  file(CONFIGURE OUTPUT ${folder}/${prefix}_shaders.inc @ONLY CONTENT "// The shaders' words: made by the build.\n${arrays}")
  target_include_directories(${target} PRIVATE ${folder})
endfunction()
