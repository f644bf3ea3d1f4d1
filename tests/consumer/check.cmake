# Installs a build into an empty prefix, then builds and runs the program beside this file with
# nothing but that prefix. Called with -D BUILD=<a built tree> -D PROJECT=<its sources>
# -D GENERATOR=… -D COMPILER=… -D FLAGS=… [-D C_COMPILER=… -D C_FLAGS=…]
set(work ${BUILD}/consumer)
set(prefix ${work}/prefix)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${work})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

# What a user calls, and nothing that only the tool, the workloads or the tests do.
file(GLOB libraries ${prefix}/lib/libweir.* ${prefix}/lib/*/libweir.*)
if(NOT libraries)
  message(FATAL_ERROR "no libweir is installed in ${prefix}")
endif()
foreach(library IN LISTS libraries)
  execute_process(COMMAND nm -C ${library} OUTPUT_VARIABLE symbols ERROR_QUIET)
  foreach(foreign weir::replay:: weir::lidar:: weir::compute:: weir::files:: FaultyBackend testing::)
    string(FIND "${symbols}" "${foreign}" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "the installed ${library} has ${foreign}, which no user of the library calls")
    endif()
  endforeach()
  if(NOT symbols MATCHES "weir::Pool::allocate")
    message(FATAL_ERROR "the symbols of the installed ${library} could not be read, or lack Pool::allocate")
  endif()
endforeach()

file(GLOB_RECURSE package ${prefix}/*.cmake)
foreach(file IN LISTS package)
  file(READ ${file} text)
  foreach(folder include src)
    string(FIND "${text}" "${PROJECT}/${folder}" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "the installed ${file} points back into ${folder} of the sources")
    endif()
  endforeach()
  if(text MATCHES "-Werror")
    message(FATAL_ERROR "the installed ${file} makes a user's warnings errors")
  endif()
endforeach()

if(C_COMPILER)
  set(c_settings -D CMAKE_C_COMPILER=${C_COMPILER} -D CMAKE_C_FLAGS=${C_FLAGS})
endif()
run(${CMAKE_COMMAND} -S ${PROJECT}/tests/consumer -B ${work}/build -G ${GENERATOR}
  -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_CXX_FLAGS=${FLAGS} ${c_settings}
  -D CMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/consumer)
run(${work}/build/consumer_c)
