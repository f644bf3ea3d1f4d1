# The CUDA toolkit, where there is one: its headers for the backend, which is built whenever they are found and
# finds the driver itself at run time, and nvcc for what has kernels (examples, benches).
#   WEIR_HAS_CUDA   whether the backend is built
#   WEIR_NVCC       whether kernels are
#   weir_cuda       what a target that includes the backend's headers links
set(WEIR_HAS_CUDA OFF)
add_library(weir_cuda INTERFACE)
if(WEIR_CUDA)
  find_path(WEIR_CUDA_INCLUDE cuda.h
    HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES include targets/x86_64-linux/include targets/sbsa-linux/include targets/aarch64-linux/include)
  mark_as_advanced(WEIR_CUDA_INCLUDE)
  if(WEIR_CUDA_INCLUDE)
    file(STRINGS ${WEIR_CUDA_INCLUDE}/cuda.h version REGEX "^#define CUDA_VERSION ")
    string(REGEX MATCH "[0-9]+" version "${version}")
  endif()
  if(WEIR_CUDA_INCLUDE AND version GREATER_EQUAL 12000 AND EXISTS ${WEIR_CUDA_INCLUDE}/nvtx3/nvToolsExt.h)
    set(WEIR_HAS_CUDA ON)
    target_include_directories(weir_cuda SYSTEM INTERFACE ${WEIR_CUDA_INCLUDE})
    target_compile_definitions(weir_cuda INTERFACE WEIR_HAS_CUDA=1)
    # NVTX's header calls a function of its own by a pointer of another type: a finding, but none of ours.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_FLAGS MATCHES "-fsanitize=[^ ]*undefined")
      set_source_files_properties(${PROJECT_SOURCE_DIR}/src/backend/cuda/profiler.cpp
        PROPERTIES COMPILE_OPTIONS -fno-sanitize=function)
    endif()
  elseif(NOT WEIR_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "WEIR_CUDA is ${WEIR_CUDA}, but no cuda.h of CUDA 12.0 or newer was found with nvtx3 beside it; set CUDA_HOME")
  else()
    message(STATUS "No cuda.h of CUDA 12.0 or newer was found: the CUDA backend is left out")
  endif()
endif()

# Kernels are built by nvcc, beside GCC only: sanitizers and Clang have no part in them. CMake 3.25 does not
# know that nvcc has C++20, which weir asks of those that link it; so it is told.
set(WEIR_NVCC OFF)
set(WEIR_CUDA_ARCHITECTURES "75-virtual;80-real;90-real;100-real;120" CACHE STRING "What kernels are compiled for")
if(WEIR_HAS_CUDA AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize|--coverage")
  find_program(WEIR_NVCC_PATH nvcc HINTS ${WEIR_CUDA_INCLUDE}/../bin PATHS /usr/local/cuda/bin)
  mark_as_advanced(WEIR_NVCC_PATH)
  if(WEIR_NVCC_PATH)
    set(CMAKE_CUDA_COMPILER ${WEIR_NVCC_PATH})
    set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
    set(CMAKE_CUDA_ARCHITECTURES ${WEIR_CUDA_ARCHITECTURES})
    enable_language(CUDA)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(WEIR_NVCC ON)
  endif()
endif()

# weir_cuda_flags(TARGET): the warnings that nvcc can live with.
function(weir_cuda_flags name)
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--extended-lambda
    $<$<BOOL:${WEIR_WERROR}>:-Werror=all-warnings> -Xcompiler=-Wall,-Wextra,-Wshadow,-Wconversion$<$<BOOL:${WEIR_WERROR}>:,-Werror>>)
endfunction()

# weir_cuda_program(NAME SOURCE..): a program with kernels.
function(weir_cuda_program name)
  add_executable(${name} ${ARGN})
  weir_cuda_flags(${name})
  target_link_libraries(${name} PRIVATE weir::weir)
endfunction()
