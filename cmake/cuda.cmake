# The CUDA toolkit, where there is one: its headers for the backend, which is built whenever they are found and
# finds the driver itself at run time, and nvcc for what has kernels (examples, benches).
#   WEIR_HAS_CUDA   whether the backend is built
#   WEIR_NVCC       whether kernels are
#   weir_cuda       what a target that includes the backend's headers links
set(WEIR_HAS_CUDA OFF)
add_library(weir_cuda INTERFACE)
if(WEIR_CUDA)
  find_path(WEIR_CUDA_INCLUDE cuda.h
    HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES include targets/x86_64-linux/include)
  mark_as_advanced(WEIR_CUDA_INCLUDE)
  if(WEIR_CUDA_INCLUDE)
    file(STRINGS ${WEIR_CUDA_INCLUDE}/cuda.h version REGEX "^#define CUDA_VERSION ")
    string(REGEX MATCH "[0-9]+" version "${version}")
  endif()
  if(WEIR_CUDA_INCLUDE AND version GREATER_EQUAL 12000)
    set(WEIR_HAS_CUDA ON)
    target_include_directories(weir_cuda SYSTEM INTERFACE ${WEIR_CUDA_INCLUDE})
    target_compile_definitions(weir_cuda INTERFACE WEIR_HAS_CUDA=1)
  elseif(NOT WEIR_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "WEIR_CUDA is ${WEIR_CUDA}, but no cuda.h of CUDA 12.0 or newer was found; set CUDA_HOME")
  else()
    message(STATUS "No cuda.h of CUDA 12.0 or newer was found: the CUDA backend is left out")
  endif()
endif()
