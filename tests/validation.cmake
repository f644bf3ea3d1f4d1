# Runs test programs under Vulkan's validation layer, with synchronization validation, and fails
# where it says anything; and where it says nothing about a breach that is planted.
#   cmake -D FOLDER=<for the log> -D PLANTED=<program> -D PROGRAM=<program> -D FILTER=<of cases> -P validation.cmake
set(log ${FOLDER}/validation.log)
set(settings ${FOLDER}/vk_layer_settings.txt)
file(WRITE ${settings} "khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG
khronos_validation.report_flags = error,warn
khronos_validation.log_filename = ${log}
khronos_validation.enables = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
")
set(ENV{VK_INSTANCE_LAYERS} VK_LAYER_KHRONOS_validation)
set(ENV{VK_LAYER_SETTINGS_PATH} ${settings})

# The layer makes the log when it is loaded: where there is none, it is not installed.
file(REMOVE ${log})
execute_process(COMMAND ${PLANTED} --gtest_also_run_disabled_tests
  --gtest_filter=VulkanInterplay.DISABLED_ABreachOfVulkansRules RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the planted breach could not be made, and WEIR_REQUIRE may ask for the backend:\n${output}")
endif()
if(NOT EXISTS ${log})
  message(STATUS "SKIPPED: no Vulkan driver, or no validation layer (Debian: vulkan-validationlayers)")
  return()
endif()
file(READ ${log} said)
if(said STREQUAL "")
  message(FATAL_ERROR "the validation layer did not see a planted breach:\n${output}")
endif()

# A pattern that nothing matches any more, after a renaming say, would drop its cases without a word.
string(REGEX REPLACE "-.*" "" patterns "${FILTER}")
string(REPLACE ":" ";" patterns "${patterns}")
foreach(pattern IN LISTS patterns)
  execute_process(COMMAND ${PROGRAM} --gtest_list_tests --gtest_filter=${pattern} OUTPUT_VARIABLE listed)
  if(NOT listed MATCHES "\n  ")
    message(FATAL_ERROR "no case of ${PROGRAM} matches ${pattern}")
  endif()
endforeach()

file(REMOVE ${log})
execute_process(COMMAND ${PROGRAM} --gtest_brief=1 --gtest_filter=${FILTER} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the tests failed under validation: ${status}")
endif()
file(READ ${log} said LIMIT 4000)
if(NOT said STREQUAL "")
  message(FATAL_ERROR "the validation layer says:\n${said}")
endif()
