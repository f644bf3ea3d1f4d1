# Vulkan's headers, where they are found: the backend is built then. The loader and the drivers behind it are found
# at run time: nothing links libvulkan.
#   WEIR_VULKAN   whether the backend is built
#   weir_vulkan   what a target that includes the backend's headers links
find_path(WEIR_VULKAN_HEADERS vulkan/vulkan.h DOC "Where the Vulkan headers are")
set(found_vulkan OFF)
if(WEIR_VULKAN_HEADERS)
  set(found_vulkan ON)
endif()
option(WEIR_VULKAN "Build the Vulkan backend: on where its headers are found" ${found_vulkan})
if(WEIR_VULKAN AND NOT WEIR_VULKAN_HEADERS)
  message(FATAL_ERROR "the Vulkan backend needs the Vulkan headers (Debian: libvulkan-dev): set WEIR_VULKAN_HEADERS")
endif()
add_library(weir_vulkan INTERFACE)
if(WEIR_VULKAN)
  target_include_directories(weir_vulkan SYSTEM INTERFACE ${WEIR_VULKAN_HEADERS})
  target_compile_definitions(weir_vulkan INTERFACE WEIR_HAS_VULKAN=1)
endif()
