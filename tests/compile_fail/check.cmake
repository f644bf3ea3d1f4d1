# Compiles one case twice; see CMakeLists.txt beside this file.
# Called with -D COMPILER=… -D CASE=… -D INCLUDE=…
set(compile ${COMPILER} -std=c++20 -fsyntax-only -I ${INCLUDE} ${CASE})

file(STRINGS ${CASE} refused REGEX "^// refused: ")
list(LENGTH refused count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "${CASE} needs one line `// refused: <regular expression>`")
endif()
string(REPLACE "// refused: " "" refused "${refused}")

execute_process(COMMAND ${compile} RESULT_VARIABLE status ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the control does not compile:\n${output}")
endif()

execute_process(COMMAND ${compile} -DWEIR_MUST_FAIL RESULT_VARIABLE status ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "compiled, but must be refused: ${CASE}")
endif()
if(NOT output MATCHES "${refused}")
  message(FATAL_ERROR "refused, but not with a message that matches `${refused}`:\n${output}")
endif()
