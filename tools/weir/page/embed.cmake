# Puts the report's page together and writes it as C++: cmake -D FOLDER=... -D SCRIPTS="a.js;b.js" -D OUT=... -P
# embed.cmake. The page's policy names its style and script by their sums, so that nothing else in it can run.
function(base64 hex out)
  set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  string(LENGTH ${hex} length)
  math(EXPR last "${length} - 1")
  foreach(at RANGE 0 ${last} 3)
    string(SUBSTRING ${hex} ${at} 3 three)
    string(LENGTH ${three} given)
    if(given EQUAL 3)  # twelve bits, two digits
      math(EXPR high "0x${three} >> 6")
      math(EXPR low "0x${three} & 63")
      string(SUBSTRING ${digits} ${high} 1 first)
      string(SUBSTRING ${digits} ${low} 1 second)
      string(APPEND text ${first}${second})
    else()  # four bits are left of the 256 that a sum has
      math(EXPR high "0x${three} << 2")
      string(SUBSTRING ${digits} ${high} 1 first)
      string(APPEND text "${first}=")
    endif()
  endforeach()
  set(${out} ${text} PARENT_SCOPE)
endfunction()

# A literal of at most so many characters, as compilers bound them; C++ joins neighbours.
function(literals text out)
  set(pieces "")
  string(LENGTH "${text}" length)
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${text}" ${at} 8000 piece)
    string(APPEND pieces "\nR\"weir-page(${piece})weir-page\"")
    math(EXPR at "${at} + 8000")
  endwhile()
  set(${out} "${pieces}" PARENT_SCOPE)
endfunction()

set(script "(() => {\n'use strict';\n")
foreach(each IN LISTS SCRIPTS)
  file(READ ${FOLDER}/${each} text)
  string(APPEND script "${text}")
endforeach()
string(APPEND script "})();\n")
file(READ ${FOLDER}/report.css style)
file(READ ${FOLDER}/report.html page)
string(SHA256 script_sum "${script}")
string(SHA256 style_sum "${style}")
base64(${script_sum} script_sum)
base64(${style_sum} style_sum)
string(REPLACE "{{script-sum}}" "${script_sum}" page "${page}")
string(REPLACE "{{style-sum}}" "${style_sum}" page "${page}")
string(REPLACE "{{style}}" "${style}" page "${page}")
string(FIND "${page}" "{{data}}" middle)
string(SUBSTRING "${page}" 0 ${middle} start)
string(LENGTH "{{data}}" mark)
math(EXPR middle "${middle} + ${mark}")
string(SUBSTRING "${page}" ${middle} -1 end)
string(REPLACE "{{script}}" "${script}" end "${end}")
literals("${start}" start)
literals("${end}" end)
file(WRITE ${OUT} "#include \"page_parts.hpp\"\n
namespace weir::tool {
std::string_view page_start() noexcept {
  static constexpr std::string_view text =${start};
  return text;
}
std::string_view page_end() noexcept {
  static constexpr std::string_view text =${end};
  return text;
}
}  // namespace weir::tool
")
